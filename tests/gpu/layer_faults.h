// Faults of the devices that the layer shows: no memory left, and a device that is lost.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

struct fake_gpu_faults {
    long allocations;  // succeed before one fails; negative: none fails
    long calls;        // that need a device succeed before one fails; negative: none fails
    long length;       // so many fail, then all is well again; negative: all
};

// Takes effect from now on, and replaces earlier settings. Programs find it with dlsym.
__attribute__((visibility("default"))) void fake_gpu_fail(struct fake_gpu_faults faults);

// The numbers of both kinds of calls since then, including failed ones.
__attribute__((visibility("default"))) void fake_gpu_count(long* allocations, long* calls);

// Called once, after all others have replaced functions in `layer`.
struct _cl_icd_dispatch;
void add_faults(struct _cl_icd_dispatch* layer);

#ifdef __cplusplus
}
#endif
