// Like with a real driver, a lost device refuses calls that create something on it with
// CL_DEVICE_NOT_AVAILABLE, and commands with CL_OUT_OF_RESOURCES; releasing still works.
#define CL_TARGET_OPENCL_VERSION 300
#include "layer_faults.h"

#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// The next layer of the calls.
static struct _cl_icd_dispatch next;

static struct fake_gpu_faults set;
static atomic_long allocations_made;
static atomic_long calls_made;

void fake_gpu_fail(struct fake_gpu_faults faults) {
    set = faults;
    allocations_made = 0;
    calls_made = 0;
}

void fake_gpu_count(long* allocations, long* calls) {
    *allocations = allocations_made;
    *calls = calls_made;
}

static int is_within(atomic_long* made, long begin) {
    const long number = atomic_fetch_add(made, 1);
    return begin >= 0 && number >= begin && (set.length < 0 || number - begin < set.length);
}

static int is_lost(void) { return is_within(&calls_made, set.calls); }

static cl_int fault_of_allocation(void) {
    if (is_lost()) return CL_DEVICE_NOT_AVAILABLE;
    if (is_within(&allocations_made, set.allocations)) return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return CL_SUCCESS;
}

static cl_int fault_of_making(void) { return is_lost() ? CL_DEVICE_NOT_AVAILABLE : CL_SUCCESS; }

static cl_int fault_of_command(void) { return is_lost() ? CL_OUT_OF_RESOURCES : CL_SUCCESS; }

// A function of the runtime that returns its error code.
#define REPORTING(NAME, FUNCTION, FAULT, PARAMETERS, ...)           \
    static cl_int CL_API_CALL NAME PARAMETERS {                     \
        const cl_int fault = FAULT();                               \
        return fault != CL_SUCCESS ? fault : FUNCTION(__VA_ARGS__); \
    }
// A function that returns a new object, and writes its error code to `status`.
#define MAKING(TYPE, NAME, FUNCTION, FAULT, PARAMETERS, ...)   \
    static TYPE CL_API_CALL NAME PARAMETERS {                  \
        const cl_int fault = FAULT();                          \
        if (fault == CL_SUCCESS) return FUNCTION(__VA_ARGS__); \
        if (status) *status = fault;                           \
        return NULL;                                           \
    }
#define MAKES(TYPE, NAME, FUNCTION, PARAMETERS, ...) \
    MAKING(TYPE, NAME, next.FUNCTION, fault_of_making, PARAMETERS, __VA_ARGS__)
#define ALLOCATES(TYPE, NAME, FUNCTION, PARAMETERS, ...) \
    MAKING(TYPE, NAME, FUNCTION, fault_of_allocation, PARAMETERS, __VA_ARGS__)
#define COMMAND(NAME, FUNCTION, PARAMETERS, ...) \
    REPORTING(NAME, FUNCTION, fault_of_command, PARAMETERS, __VA_ARGS__)

// ---- what is made on a device

MAKES(cl_context, create_context, clCreateContext,
      (const cl_context_properties* properties, cl_uint count, const cl_device_id* on,
       void(CL_CALLBACK* notify)(const char*, const void*, size_t, void*), void* data,
       cl_int* status),
      properties, count, on, notify, data, status)
MAKES(cl_command_queue, create_queue, clCreateCommandQueueWithProperties,
      (cl_context context, cl_device_id on, const cl_queue_properties* properties, cl_int* status),
      context, on, properties, status)
MAKES(cl_program, create_from_source, clCreateProgramWithSource,
      (cl_context context, cl_uint count, const char** texts, const size_t* sizes, cl_int* status),
      context, count, texts, sizes, status)
MAKES(cl_program, create_from_binary, clCreateProgramWithBinary,
      (cl_context context, cl_uint count, const cl_device_id* on, const size_t* sizes,
       const unsigned char** binaries, cl_int* binary_status, cl_int* status),
      context, count, on, sizes, binaries, binary_status, status)
REPORTING(build_program, next.clBuildProgram, fault_of_making,
          (cl_program program, cl_uint count, const cl_device_id* on, const char* options,
           void(CL_CALLBACK* notify)(cl_program, void*), void* data),
          program, count, on, options, notify, data)

// ---- memory

ALLOCATES(cl_mem, create_buffer, next.clCreateBuffer,
          (cl_context context, cl_mem_flags flags, size_t size, void* host, cl_int* status),
          context, flags, size, host, status)
ALLOCATES(cl_mem, create_image, next.clCreateImage,
          (cl_context context, cl_mem_flags flags, const cl_image_format* format,
           const cl_image_desc* description, void* host, cl_int* status),
          context, flags, format, description, host, status)

static clHostMemAllocINTEL_fn allocate_host;
static clDeviceMemAllocINTEL_fn allocate_device;
static clSharedMemAllocINTEL_fn allocate_shared;

ALLOCATES(void*, host_memory, allocate_host,
          (cl_context context, const cl_mem_properties_intel* properties, size_t size,
           cl_uint alignment, cl_int* status),
          context, properties, size, alignment, status)
ALLOCATES(void*, device_memory, allocate_device,
          (cl_context context, cl_device_id on, const cl_mem_properties_intel* properties,
           size_t size, cl_uint alignment, cl_int* status),
          context, on, properties, size, alignment, status)
ALLOCATES(void*, shared_memory, allocate_shared,
          (cl_context context, cl_device_id on, const cl_mem_properties_intel* properties,
           size_t size, cl_uint alignment, cl_int* status),
          context, on, properties, size, alignment, status)

// ---- commands

#define WAITS cl_uint wait_count, const cl_event *waits, cl_event *event
#define WAITED wait_count, waits, event

COMMAND(run_kernel, next.clEnqueueNDRangeKernel,
        (cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t* from,
         const size_t* global, const size_t* local, WAITS),
        queue, kernel, dimensions, from, global, local, WAITED)
COMMAND(read_buffer, next.clEnqueueReadBuffer,
        (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
         void* to, WAITS),
        queue, buffer, blocking, offset, size, to, WAITED)
COMMAND(write_buffer, next.clEnqueueWriteBuffer,
        (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
         const void* from, WAITS),
        queue, buffer, blocking, offset, size, from, WAITED)
COMMAND(copy_buffer, next.clEnqueueCopyBuffer,
        (cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
         size_t size, WAITS),
        queue, from, to, from_offset, to_offset, size, WAITED)
COMMAND(fill_buffer, next.clEnqueueFillBuffer,
        (cl_command_queue queue, cl_mem buffer, const void* pattern, size_t pattern_size,
         size_t offset, size_t size, WAITS),
        queue, buffer, pattern, pattern_size, offset, size, WAITED)
MAKING(void*, map_buffer, next.clEnqueueMapBuffer, fault_of_command,
       (cl_command_queue queue, cl_mem buffer, cl_bool blocking, cl_map_flags flags, size_t offset,
        size_t size, WAITS, cl_int* status),
       queue, buffer, blocking, flags, offset, size, WAITED, status)
COMMAND(mark, next.clEnqueueMarkerWithWaitList, (cl_command_queue queue, WAITS), queue, WAITED)
COMMAND(bar, next.clEnqueueBarrierWithWaitList, (cl_command_queue queue, WAITS), queue, WAITED)
COMMAND(flush, next.clFlush, (cl_command_queue queue), queue)
COMMAND(finish, next.clFinish, (cl_command_queue queue), queue)
COMMAND(wait_for, next.clWaitForEvents, (cl_uint count, const cl_event* events), count, events)

static clEnqueueMemcpyINTEL_fn copy_function;
static clEnqueueMemFillINTEL_fn fill_function;

COMMAND(copy_memory, copy_function,
        (cl_command_queue queue, cl_bool blocking, void* to, const void* from, size_t size, WAITS),
        queue, blocking, to, from, size, WAITED)
COMMAND(fill_memory, fill_function,
        (cl_command_queue queue, void* to, const void* pattern, size_t pattern_size, size_t size,
         WAITS),
        queue, to, pattern, pattern_size, size, WAITED)

// ---- the layer

static void* CL_API_CALL extension_function(cl_platform_id platform, const char* name) {
    void* const found = next.clGetExtensionFunctionAddressForPlatform(platform, name);
    if (!found) return NULL;
    const struct {
        const char* name;
        void** function;
        void* with;
    } replaced[] = {
        {"clHostMemAllocINTEL", (void**)&allocate_host, (void*)host_memory},
        {"clDeviceMemAllocINTEL", (void**)&allocate_device, (void*)device_memory},
        {"clSharedMemAllocINTEL", (void**)&allocate_shared, (void*)shared_memory},
        {"clEnqueueMemcpyINTEL", (void**)&copy_function, (void*)copy_memory},
        {"clEnqueueMemFillINTEL", (void**)&fill_function, (void*)fill_memory},
    };
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; ++i) {
        if (strcmp(name, replaced[i].name) != 0) continue;
        *replaced[i].function = found;
        return replaced[i].with;
    }
    return found;
}

static long number_in(const char* name) {
    const char* value = getenv(name);
    return value && *value ? strtol(value, NULL, 10) : -1;
}

void add_faults(struct _cl_icd_dispatch* layer) {
    const struct fake_gpu_faults faults = {number_in("LARDER_FAKE_GPU_MEMORY_AFTER"),
                                           number_in("LARDER_FAKE_GPU_LOST_AFTER"), -1};
    fake_gpu_fail(faults);
    next = *layer;
    layer->clCreateContext = create_context;
    layer->clCreateCommandQueueWithProperties = create_queue;
    layer->clCreateProgramWithSource = create_from_source;
    layer->clCreateProgramWithBinary = create_from_binary;
    layer->clBuildProgram = build_program;
    layer->clCreateBuffer = create_buffer;
    layer->clCreateImage = create_image;
    layer->clEnqueueNDRangeKernel = run_kernel;
    layer->clEnqueueReadBuffer = read_buffer;
    layer->clEnqueueWriteBuffer = write_buffer;
    layer->clEnqueueCopyBuffer = copy_buffer;
    layer->clEnqueueFillBuffer = fill_buffer;
    layer->clEnqueueMapBuffer = map_buffer;
    layer->clEnqueueMarkerWithWaitList = mark;
    layer->clEnqueueBarrierWithWaitList = bar;
    layer->clFlush = flush;
    layer->clFinish = finish;
    layer->clWaitForEvents = wait_for;
    layer->clGetExtensionFunctionAddressForPlatform = extension_function;
}
