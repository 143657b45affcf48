// The interface between the preload and the hook. C, because the preload is written in C.
#pragma once

#include <stdbool.h>  // NOLINT(modernize-deprecated-headers): C

#ifdef __cplusplus
extern "C" {
#endif

// The overloads of ov::Core::compile_model, and of read_model from a file, in the order of
// trampolines.S.
enum LarderEntryPoint {
    larder_model,
    larder_model_device,
    larder_path,
    larder_path_device,
    larder_string,
    larder_string_device,
    larder_wstring,
    larder_wstring_device,
    larder_memory_device,  // the model as text, its weights as a tensor
    larder_model_context,  // for a remote context that the program made
    larder_read_path,
    larder_read_string,
    larder_read_wstring,
    larder_entry_point_count,
};

// An OpenVINO in the process, found by the preload.
struct LarderRuntime {
    void* functions[larder_entry_point_count];
    void* get_openvino_version;
    // It is newer than the hook, and a trial has shown that the hook serves it.
    bool was_tried;
};

// Fills `replacements` with functions that have the signatures of `runtime->functions` and come
// back to these. Returns why it does not, in words, or null. May be called more than once, for the
// same runtime.
typedef const char* larder_hook_open_function(const struct LarderRuntime* runtime,
                                              void* replacements[larder_entry_point_count]);
__attribute__((visibility("default"))) larder_hook_open_function larder_hook_open;

// The next request opens a larder with the present settings of the environment. Requests that have
// begun keep the former one. Not while another thread changes the environment.
typedef void larder_hook_renew_function(void);  // NOLINT(modernize-redundant-void-arg): C
__attribute__((visibility("default"))) larder_hook_renew_function larder_hook_renew;

#ifdef __cplusplus
}
#endif
