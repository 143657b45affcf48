#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 300
#include "layer_programs.h"

#include <CL/cl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct _cl_icd_dispatch* real;

// Programs that were found and those that were asked for, the newest first. Neither are ever
// destroyed, so that no other program gets the same handle.
struct found {
    cl_program asked, built;
    const struct found* next;
};
static const struct found* all_found;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct bytes {
    char* data;
    size_t size;
};

void begin_storing_programs(const struct _cl_icd_dispatch* target) { real = target; }

cl_program built(cl_program program) {
    pthread_mutex_lock(&mutex);
    for (const struct found* at = all_found; at; at = at->next) {
        if (at->asked != program) continue;
        program = at->built;
        break;
    }
    pthread_mutex_unlock(&mutex);
    return program;
}

static void note_found(cl_program asked, cl_program found) {
    struct found* const note = malloc(sizeof *note);
    real->clRetainProgram(asked);
    pthread_mutex_lock(&mutex);
    *note = (struct found){asked, found, all_found};
    all_found = note;
    pthread_mutex_unlock(&mutex);
}

// All that the compiled program depends on, as text.
static struct bytes identity_of(cl_program program, cl_device_id on, const char* options) {
    char processor[256] = "", driver[256] = "";
    struct bytes identity = {NULL, 0};
    size_t size = 0;
    real->clGetDeviceInfo(on, CL_DEVICE_NAME, sizeof processor - 1, processor, NULL);
    real->clGetDeviceInfo(on, CL_DRIVER_VERSION, sizeof driver - 1, driver, NULL);
    real->clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &size);
    char* const source = calloc(1, size + 1);
    real->clGetProgramInfo(program, CL_PROGRAM_SOURCE, size, source, NULL);
    const int length =
        asprintf(&identity.data, "%s\n%s\n%s\n%s", processor, driver, options, source);
    if (length < 0) abort();
    identity.size = (size_t)length;
    free(source);
    return identity;
}

// Of a file that begins with the identity, so that no other program is ever taken for it.
static char* path_of(const char* directory, struct bytes identity) {
    uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (size_t i = 0; i < identity.size; ++i) {
        hash = (hash ^ (unsigned char)identity.data[i]) * 1099511628211U;
    }
    char* path = NULL;
    if (asprintf(&path, "%s/%016lx", directory, (unsigned long)hash) < 0) abort();
    return path;
}

static struct bytes read_all(const char* path) {
    struct bytes content = {NULL, 0};
    FILE* const file = fopen(path, "rb");
    if (!file) return content;
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > 0) {
        content.size = (size_t)ftell(file);
        content.data = malloc(content.size);
        rewind(file);
        if (fread(content.data, 1, content.size, file) != content.size) content.size = 0;
    }
    fclose(file);
    return content;
}

static cl_int find(cl_program program, cl_device_id on, const char* options, const char* path,
                   struct bytes identity) {
    cl_int status = CL_INVALID_PROGRAM;
    const struct bytes stored = read_all(path);
    if (stored.size > identity.size && memcmp(stored.data, identity.data, identity.size) == 0) {
        cl_context context = NULL;
        real->clGetProgramInfo(program, CL_PROGRAM_CONTEXT, sizeof context, &context, NULL);
        const size_t size = stored.size - identity.size;
        const unsigned char* binary = (const unsigned char*)stored.data + identity.size;
        const cl_program found =
            real->clCreateProgramWithBinary(context, 1, &on, &size, &binary, NULL, &status);
        if (status == CL_SUCCESS) {
            status = real->clBuildProgram(found, 1, &on, options, NULL, NULL);
        }
        if (status == CL_SUCCESS) note_found(program, found);
    }
    free(stored.data);
    return status;
}

static void store(cl_program program, const char* path, struct bytes identity) {
    size_t size = 0;
    real->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL);
    char* temporary = NULL;
    if (size == 0 || asprintf(&temporary, "%s.%d", path, (int)getpid()) < 0) return;
    unsigned char* binary = malloc(size);
    FILE* const file = fopen(temporary, "wbx");
    if (file) {
        const int is_whole = real->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary,
                                                    &binary, NULL) == CL_SUCCESS &&
                             fwrite(identity.data, 1, identity.size, file) == identity.size &&
                             fwrite(binary, 1, size, file) == size;
        if (fclose(file) != 0 || !is_whole || rename(temporary, path) != 0) unlink(temporary);
    }
    free(binary);
    free(temporary);
}

cl_int build_or_find(cl_program program, cl_device_id on, const char* options) {
    const char* const directory = getenv("LARDER_FAKE_GPU_PROGRAMS");
    cl_uint devices = 0;
    size_t source_size = 0;
    real->clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL);
    real->clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &source_size);
    // A program from a binary has an empty source.
    if (!directory || devices != 1 || source_size <= 1) {
        return real->clBuildProgram(program, 1, &on, options, NULL, NULL);
    }
    const struct bytes identity = identity_of(program, on, options);
    char* const path = path_of(directory, identity);
    cl_int status = find(program, on, options, path, identity);
    if (status != CL_SUCCESS) {
        status = real->clBuildProgram(program, 1, &on, options, NULL, NULL);
        if (status == CL_SUCCESS) store(program, path, identity);
    }
    free(path);
    free(identity.data);
    return status;
}
