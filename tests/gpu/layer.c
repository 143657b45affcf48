// An OpenCL layer, for tests alone: it presents the CPU device of Intel's OpenCL runtime as one or
// more Intel GPUs, so that OpenVINO's own GPU plugin compiles, exports, imports and runs models on
// a machine without a GPU. Calls that are not named here reach the runtime unchanged.
//
// OpenCL's loader opens it where OPENCL_LAYERS names it (ocl-icd 2.3, Khronos 3.0 and later).
//
//   LARDER_FAKE_GPUS           how many devices there are: 1 to 8
//   LARDER_FAKE_GPU_NAME       what they are called
//   LARDER_FAKE_GPU_DRIVER     the version of their driver
//   LARDER_FAKE_GPU_DISCRETE   set: they have memory of their own
//   LARDER_FAKE_GPU_MEMORY     how much, in GiB, of each: "8,16"; what there is, unless set
//   LARDER_FAKE_GPU_UNITS      how many execution units each has: "24,96"
//   LARDER_FAKE_GPU_EXTENSIONS names of extensions to show that are hidden otherwise
//   LARDER_FAKE_GPU_WITHOUT    names of extensions that the last of them does not have
//   LARDER_FAKE_GPU_PROGRAMS   a directory for what was compiled once
//   LARDER_FAKE_GPU_CRASH      set: a process that begins with a program that was kept dies of it
//   LARDER_FAKE_GPU_MEMORY_AFTER  how many allocations succeed; then there is no memory left
//   LARDER_FAKE_GPU_LOST_AFTER    how many calls the device takes part in; then it is lost
//   LARDER_FAKE_GPU_VERBOSE    set: says on stderr what is compiled, and why it fails
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layer_faults.h"
#include "layer_programs.h"

#define MOST_DEVICES 8

static const struct _cl_icd_dispatch* real;
static struct _cl_icd_dispatch layer;

static pthread_once_t devices_once = PTHREAD_ONCE_INIT;
static cl_platform_id platform_of_devices;
static cl_device_id devices[MOST_DEVICES];
static cl_uint device_count;

static int is_set(const char* name) { return getenv(name) != NULL; }

static const char* setting(const char* name, const char* otherwise) {
    const char* value = getenv(name);
    return value && *value ? value : otherwise;
}

// The number of device `index` in a list with commas: the last one if there are fewer.
static unsigned long number_of(const char* name, cl_uint index, unsigned long otherwise) {
    const char* at = setting(name, "");
    if (!*at) return otherwise;
    char* end;
    unsigned long number = strtoul(at, &end, 10);
    for (; index > 0 && *end == ','; --index) number = strtoul(end + 1, &end, 10);
    return number;
}

// ---- devices

static void find_devices(void) {
    cl_uint wanted = (cl_uint)atoi(setting("LARDER_FAKE_GPUS", "1"));
    if (wanted > MOST_DEVICES) wanted = MOST_DEVICES;
    cl_device_id cpu;
    if (real->clGetDeviceIDs(platform_of_devices, CL_DEVICE_TYPE_CPU, 1, &cpu, NULL) != CL_SUCCESS)
        return;
    if (wanted < 2) {
        devices[0] = cpu;
        device_count = 1;
        return;
    }
    // Each device consists of all processors, with an identity of its own: on a device of one
    // processor the runtime occasionally hangs if the machine is busy.
    cl_uint processors = 0;
    real->clGetDeviceInfo(cpu, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof processors, &processors, NULL);
    const cl_device_partition_property all[] = {CL_DEVICE_PARTITION_BY_COUNTS,
                                                (cl_device_partition_property)processors,
                                                CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    for (; device_count < wanted; ++device_count) {
        if (real->clCreateSubDevices(cpu, all, 1, &devices[device_count], NULL) == CL_SUCCESS)
            continue;
        fprintf(stderr, "fake-gpu: %u devices cannot be had\n", wanted);
        break;
    }
}

static cl_uint index_of(cl_device_id device) {
    for (cl_uint i = 0; i < device_count; ++i) {
        if (devices[i] == device) return i;
    }
    return 0;
}

static cl_int CL_API_CALL get_device_ids(cl_platform_id platform, cl_device_type type, cl_uint room,
                                         cl_device_id* to, cl_uint* count) {
    platform_of_devices = platform;
    pthread_once(&devices_once, find_devices);
    const cl_device_type here = CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT;
    if (!(type & here) || !device_count) return CL_DEVICE_NOT_FOUND;
    if (count) *count = device_count;
    for (cl_uint i = 0; to && i < room && i < device_count; ++i) to[i] = devices[i];
    return CL_SUCCESS;
}

// ---- what a device says of itself

static cl_int answer(const void* value, size_t size, size_t room, void* to, size_t* size_ret) {
    if (size_ret) *size_ret = size;
    if (!to) return CL_SUCCESS;
    if (room < size) return CL_INVALID_VALUE;
    memcpy(to, value, size);
    return CL_SUCCESS;
}

static cl_int answer_text(const char* text, size_t room, void* to, size_t* size_ret) {
    return answer(text, strlen(text) + 1, room, to, size_ret);
}

static cl_int answer_uint(cl_uint value, size_t room, void* to, size_t* size_ret) {
    return answer(&value, sizeof value, room, to, size_ret);
}

// Whether `name` is one of the words of `list`.
static int lists(const char* list, const char* name) {
    const size_t size = strlen(name);
    for (const char* at = list; (at = strstr(at, name)) != NULL; at += size) {
        if ((at == list || at[-1] == ' ') && (at[size] == ' ' || !at[size])) return 1;
    }
    return 0;
}

// The runtime has sub-groups, but with another layout than a GPU: kernels written for them build
// slowly and compute wrong results. Without them the plugin uses its generic kernels.
static int is_hidden(cl_device_id device, const char* name) {
    const int is_last = index_of(device) + 1 == device_count;
    if (is_last && lists(setting("LARDER_FAKE_GPU_WITHOUT", ""), name)) return 1;
    const int is_of_sub_groups = strncmp(name, "cl_intel_subgroup", 17) == 0 ||
                                 strcmp(name, "cl_intel_required_subgroup_size") == 0;
    return is_of_sub_groups && !lists(setting("LARDER_FAKE_GPU_EXTENSIONS", ""), name);
}

static cl_int answer_extensions(cl_device_id device, size_t room, void* to, size_t* size_ret) {
    static const char added[] = "cl_khr_pci_bus_info cl_khr_device_uuid";
    size_t size = 0;
    cl_int status = real->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, 0, NULL, &size);
    if (status != CL_SUCCESS) return status;
    char* has = calloc(1, size + 1);
    char* text = calloc(1, size + sizeof added + 1);
    status = real->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, size, has, NULL);
    if (status == CL_SUCCESS) {
        strcpy(text, added);
        char* rest = NULL;
        for (char* name = strtok_r(has, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
            if (is_hidden(device, name) || lists(added, name)) continue;
            strcat(text, " ");
            strcat(text, name);
        }
        status = answer_text(text, room, to, size_ret);
    }
    free(has);
    free(text);
    return status;
}

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t room,
                                          void* to, size_t* size_ret) {
    static const size_t sub_groups[] = {8, 16, 32};
    const cl_uint index = index_of(device);
    const cl_uint units_of_sub_slice = 8;
    const cl_uint units = (cl_uint)number_of("LARDER_FAKE_GPU_UNITS", index, 24);
    const cl_ulong memory = number_of("LARDER_FAKE_GPU_MEMORY", index, 0);
    if (what == CL_DEVICE_GLOBAL_MEM_SIZE && memory != 0) {
        const cl_ulong bytes = memory << 30;
        return answer(&bytes, sizeof bytes, room, to, size_ret);
    }
    switch (what) {
        case CL_DEVICE_TYPE: {
            const cl_device_type type = CL_DEVICE_TYPE_GPU;
            return answer(&type, sizeof type, room, to, size_ret);
        }
        case CL_DEVICE_NAME:
            return answer_text(setting("LARDER_FAKE_GPU_NAME", "Intel(R) Fake Graphics"), room, to,
                               size_ret);
        case CL_DRIVER_VERSION:
            return answer_text(setting("LARDER_FAKE_GPU_DRIVER", "26.30.12345"), room, to,
                               size_ret);
        case CL_DEVICE_VERSION: return answer_text("OpenCL 3.0 NEO", room, to, size_ret);
        case CL_DEVICE_EXTENSIONS: return answer_extensions(device, room, to, size_ret);
        case CL_DEVICE_VENDOR_ID: return answer_uint(0x8086, room, to, size_ret);
        case CL_DEVICE_HOST_UNIFIED_MEMORY:
            return answer_uint(is_set("LARDER_FAKE_GPU_DISCRETE") ? CL_FALSE : CL_TRUE, room, to,
                               size_ret);
        case CL_DEVICE_MAX_COMPUTE_UNITS: return answer_uint(units, room, to, size_ret);
        case CL_DEVICE_MAX_CLOCK_FREQUENCY: return answer_uint(1150, room, to, size_ret);
        case CL_DEVICE_MAX_WORK_GROUP_SIZE: {
            const size_t size = 256;
            return answer(&size, sizeof size, room, to, size_ret);
        }
        case CL_DEVICE_SUB_GROUP_SIZES_INTEL:
            return answer(sub_groups, sizeof sub_groups, room, to, size_ret);
        case CL_DEVICE_PARTITION_MAX_SUB_DEVICES: return answer_uint(0, room, to, size_ret);
        case CL_DEVICE_PCI_BUS_INFO_KHR: {
            const cl_device_pci_bus_info_khr bus = {0, index, 2, 0};
            return answer(&bus, sizeof bus, room, to, size_ret);
        }
        case CL_DEVICE_UUID_KHR: {
            cl_uchar uuid[CL_UUID_SIZE_KHR] = {0x86, 0x80, 0, 0, 0xc8, 0x9b};
            uuid[CL_UUID_SIZE_KHR - 1] = (cl_uchar)(index + 1);
            return answer(uuid, sizeof uuid, room, to, size_ret);
        }
        case CL_DEVICE_LUID_KHR: {
            const cl_uchar luid[CL_LUID_SIZE_KHR] = {0};
            return answer(luid, sizeof luid, room, to, size_ret);
        }
        // The ninth generation has no matrix engine: so oneDNN's own generator builds no kernels,
        // whose machine code no CPU could run.
        case CL_DEVICE_IP_VERSION_INTEL: return answer_uint(0x02400009, room, to, size_ret);
        case CL_DEVICE_ID_INTEL: return answer_uint(0x9bc8, room, to, size_ret);
        case CL_DEVICE_NUM_SLICES_INTEL: return answer_uint(1, room, to, size_ret);
        case CL_DEVICE_NUM_SUB_SLICES_PER_SLICE_INTEL:
            return answer_uint(units / units_of_sub_slice, room, to, size_ret);
        case CL_DEVICE_NUM_EUS_PER_SUB_SLICE_INTEL:
            return answer_uint(units_of_sub_slice, room, to, size_ret);
        case CL_DEVICE_NUM_THREADS_PER_EU_INTEL: return answer_uint(7, room, to, size_ret);
        case CL_DEVICE_FEATURE_CAPABILITIES_INTEL: {
            const cl_bitfield none = 0;
            return answer(&none, sizeof none, room, to, size_ret);
        }
        default: return real->clGetDeviceInfo(device, what, room, to, size_ret);
    }
}

// ---- programs

// Options that only a GPU's compiler knows are replaced by blanks.
static char* known_options(const char* options) {
    char* text = NULL;
    if (asprintf(&text, "%s %s", options ? options : "",
                 setting("LARDER_FAKE_GPU_OPTIONS", "-cl-opt-disable")) < 0)
        abort();
    for (char* at = text; (at = strstr(at, "-cl-intel-")) != NULL;) {
        while (*at && *at != ' ') *at++ = ' ';
    }
    return text;
}

// For a driver that looks old, the plugin tests how the compiler handles a GPU's machine code
// between lines of C: this compiler crashes instead of refusing it.
static atomic_int has_source;

static cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char** texts,
                                             const size_t* sizes, cl_int* status) {
    has_source = 1;
    static const char* refused = "#error there is no machine code of a GPU here";
    for (cl_uint i = 0; i < count; ++i) {
        const size_t size = sizes && sizes[i] ? sizes[i] : strlen(texts[i]);
        static const char mark[] = "v_type=G";
        if (memmem(texts[i], size, mark, sizeof mark - 1))
            return real->clCreateProgramWithSource(context, 1, &refused, NULL, status);
    }
    return real->clCreateProgramWithSource(context, count, texts, sizes, status);
}

static cl_program CL_API_CALL create_from_binary(cl_context context, cl_uint count,
                                                 const cl_device_id* on, const size_t* sizes,
                                                 const unsigned char** binaries,
                                                 cl_int* binary_status, cl_int* status) {
    // A real fault, because a signal from outside does not count against a blob.
    volatile int* volatile nowhere = NULL;
    if (is_set("LARDER_FAKE_GPU_CRASH") && !has_source) *nowhere = 1;
    return real->clCreateProgramWithBinary(context, count, on, sizes, binaries, binary_status,
                                           status);
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void print_build(cl_program program, cl_device_id device, const char* options, cl_int status,
                        double ms) {
    // A program from a binary has an empty source.
    size_t size = 0;
    real->clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &size);
    fprintf(stderr, "fake-gpu: built from %s in %.0f ms: %d\n", size > 1 ? "source" : "a binary",
            ms, status);
    if (status == CL_SUCCESS) return;
    real->clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char* log = calloc(1, size + 1);
    real->clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    fprintf(stderr, "fake-gpu: options '%s'\n%s\n", options, log);
    free(log);
}

static cl_int CL_API_CALL build_program(cl_program program, cl_uint count, const cl_device_id* on,
                                        const char* options,
                                        void(CL_CALLBACK* notify)(cl_program, void*), void* data) {
    char* known = known_options(options);
    const double start = now_ms();
    const cl_int status = count == 1 && !notify
                              ? build_or_find(program, on[0], known)
                              : real->clBuildProgram(program, count, on, known, notify, data);
    if (is_set("LARDER_FAKE_GPU_VERBOSE") && count > 0)
        print_build(program, on[0], known, status, now_ms() - start);
    free(known);
    return status;
}

// A kernel must keep its program alive. This runtime violates that: the plugin asks a kernel for
// its program to copy or save it, and gets a destroyed one. So this layer never destroys a program.
static cl_int CL_API_CALL create_kernels(cl_program program, cl_uint room, cl_kernel* kernels,
                                         cl_uint* count) {
    program = built(program);
    const cl_int status = real->clCreateKernelsInProgram(program, room, kernels, count);
    if (status == CL_SUCCESS && kernels) real->clRetainProgram(program);
    return status;
}

static cl_kernel CL_API_CALL create_kernel(cl_program program, const char* name, cl_int* status) {
    program = built(program);
    const cl_kernel kernel = real->clCreateKernel(program, name, status);
    if (kernel) real->clRetainProgram(program);
    return kernel;
}

static cl_int CL_API_CALL get_program_info(cl_program program, cl_program_info what, size_t room,
                                           void* to, size_t* size_ret) {
    return real->clGetProgramInfo(built(program), what, room, to, size_ret);
}

static cl_int CL_API_CALL get_build_info(cl_program program, cl_device_id on,
                                         cl_program_build_info what, size_t room, void* to,
                                         size_t* size_ret) {
    return real->clGetProgramBuildInfo(built(program), on, what, room, to, size_ret);
}

// To destroy a queue, this runtime waits for its tasks, one of which may itself be destroying the
// queue: a deadlock. So this layer never destroys a queue.
static cl_int CL_API_CALL release_queue(cl_command_queue queue) { return real->clFinish(queue); }

// ---- the layer

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void* to,
                                               size_t* size_ret) {
    const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (what == CL_LAYER_API_VERSION) return answer(&version, sizeof version, room, to, size_ret);
    if (what == CL_LAYER_NAME) return answer_text("larder's fake GPU", room, to, size_ret);
    return CL_INVALID_VALUE;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const struct _cl_icd_dispatch* target,
                                            cl_uint* count_ret,
                                            const struct _cl_icd_dispatch** layer_ret) {
    const cl_uint known = sizeof layer / sizeof layer.clGetPlatformIDs;
    if (!target || !layer_ret || !count_ret || count < known) return CL_INVALID_VALUE;
    real = target;
    begin_storing_programs(target);
    layer = *target;
    layer.clGetDeviceIDs = get_device_ids;
    layer.clGetDeviceInfo = get_device_info;
    layer.clCreateProgramWithSource = create_program;
    layer.clCreateProgramWithBinary = create_from_binary;
    layer.clBuildProgram = build_program;
    layer.clCreateKernelsInProgram = create_kernels;
    layer.clCreateKernel = create_kernel;
    layer.clGetProgramInfo = get_program_info;
    layer.clGetProgramBuildInfo = get_build_info;
    layer.clReleaseCommandQueue = release_queue;
    add_faults(&layer);
    *count_ret = known;
    *layer_ret = &layer;
    return CL_SUCCESS;
}
