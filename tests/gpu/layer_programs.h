// The fake GPU compiles a program once, as the drivers of real GPUs do. Intel's runtime for CPUs
// stores none, and its compiler took half of the time of the tests.
#pragma once

#include <CL/cl_icd.h>

// Programs are stored in the directory LARDER_FAKE_GPU_PROGRAMS, for the same source, options and
// processor; nothing is stored unless it is set. `real` must outlive the process.
void begin_storing_programs(const struct _cl_icd_dispatch* real);

// As clBuildProgram with one device; from then on, built() of the program is what has its kernels.
cl_int build_or_find(cl_program program, cl_device_id on, const char* options);

// The program in whose place this one was found, or itself.
cl_program built(cl_program program);
