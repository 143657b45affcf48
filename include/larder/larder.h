// larder in C, for hosts that build and compile their graphs themselves: a host names what it is
// about to compile by content, and gets what was kept, or the right to compile and keep it.
//
//     larder_load(cache, &request, &host, my_context, &result, &error);
//
// calls host.import_blob with the kept blob, mapped and verified, or host.compile and
// host.export_blob. Of all threads and processes that ask for the same at once, one compiles and
// the others wait for it.
//
// Link to liblarder_store; OpenVINO is not needed. Functions that can fail return a larder_status.
// They may be called from any thread, unless said otherwise. No fault of the cache fails a load:
// with a full disk or a damaged larder the host's `compile` is called, and the outcome says why
// nothing was kept.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "larder/export.hpp"

// NOLINTBEGIN(readability-identifier-naming): as names are in C.
#ifdef __cplusplus
extern "C" {
#endif

typedef enum larder_status {
    LARDER_OK = 0,
    LARDER_NOT_FOUND = 1,
    LARDER_PERMISSION_DENIED = 2,
    LARDER_READ_ONLY = 3,
    LARDER_NO_SPACE = 4,
    LARDER_DAMAGED = 5,
    LARDER_UNSUPPORTED = 6,
    LARDER_INVALID_ARGUMENT = 7,  // the caller's input is wrong
    LARDER_MISS = 8,              // mode "cache-only", and it is not kept
    LARDER_TIMED_OUT = 9,
    LARDER_IO = 10,
    LARDER_HOST_FAILED = 11,  // the host's `compile` returned another value than 0
    LARDER_NO_MEMORY = 12
} larder_status;

// ── Errors ───────────────────────────────────────────────────────────────────────────────────────
// Where a function has a parameter `error` that is not NULL, *error is set to NULL, or on failure
// to an error that the caller frees; on LARDER_NO_MEMORY it may be NULL as well.
typedef struct larder_error larder_error;

// What failed, on which file, and why. Never NULL; valid until the error is freed.
LARDER_EXPORT const char* larder_error_text(const larder_error* error);
// What to do about it; empty where there is nothing to add.
LARDER_EXPORT const char* larder_error_remedy(const larder_error* error);
// NULL is allowed.
LARDER_EXPORT void larder_error_free(larder_error* error);

// ── A handle on a larder ─────────────────────────────────────────────────────────────────────────
// Keep one for as long as models are requested.
typedef struct larder_cache larder_cache;

typedef struct larder_setting {
    const char* name;   // as in `larder config`: "directory", "mode", "max_size"…
    const char* value;  // as in larder.toml: "/srv/larder", "read-only", "20GiB"…
} larder_setting;

// With these settings; those that are not given come from the environment and the configuration
// files, and LARDER_MODE=off in the environment counts whatever is given. Nothing is opened yet.
// `settings` may be NULL where `count` is 0. Not to be called while another thread changes the
// environment. LARDER_INVALID_ARGUMENT names the one of these settings that is wrong; with another
// that cannot be read, nothing is kept, and one warning names it.
LARDER_EXPORT larder_status larder_open(const larder_setting* settings, size_t count,
                                        larder_cache** cache, larder_error** error);
// No load may be running, and none begins later; blobs that were retained stay valid. NULL is
// allowed.
LARDER_EXPORT void larder_close(larder_cache* cache);

// ── What is asked for ────────────────────────────────────────────────────────────────────────────
typedef struct larder_bytes {
    const void* data;
    size_t size;  // in bytes
} larder_bytes;

// A value that decides the blob besides the model's content. Both are UTF-8.
typedef struct larder_input {
    const char* name;  // "context_length"
    const char* value;
} larder_input;

// All of it is the caller's, and must stay as it is until larder_load returns.
typedef struct larder_request {
    // What people call the model: shown by `larder ls`, decides nothing.
    const char* model;
    // All that the model is made of: its weights where they lie in memory, its configuration. In
    // this order, each counts with its length. Hashed in place, on all cores; what lies unchanged
    // in a private or read-only mapping of a file is hashed once per machine.
    const larder_bytes* content;
    size_t content_count;
    // Names and versions of what compiles ("llama.cpp b6000, OpenVINO 2026.4.1"): a blob is only
    // ever given to the same.
    const char* runtime;
    // The device and all of it that a blob depends on ("CPU, avx512_core_vnni").
    const char* device;
    const larder_input* inputs;  // each name once; may be NULL where `input_count` is 0
    size_t input_count;
} larder_request;

// ── What the host does ───────────────────────────────────────────────────────────────────────────
// Called by larder_load, on its thread, with its `context`. They must not throw.

// A kept blob, mapped read-only and verified.
typedef struct larder_blob larder_blob;
LARDER_EXPORT const void* larder_blob_data(const larder_blob* blob);
LARDER_EXPORT size_t larder_blob_size(const larder_blob* blob);
// Keeps the blob mapped beyond the end of import_blob, until as many larder_blob_release. It stays
// readable whatever becomes of the larder.
LARDER_EXPORT void larder_blob_retain(const larder_blob* blob);
LARDER_EXPORT void larder_blob_release(const larder_blob* blob);

// Where a host writes what it compiled.
typedef struct larder_sink larder_sink;
// Offsets may go back: headers can be written last. Another value than LARDER_OK: give up, and
// return it from export_blob; larder knows the error. Only on the thread that export_blob was
// called on.
LARDER_EXPORT larder_status larder_sink_write(larder_sink* sink, uint64_t offset, const void* data,
                                              size_t size);

typedef struct larder_host {
    // It was not kept: compile, and hold the result for export_blob, and for yourself. Not 0: it
    // failed, nothing is kept, and larder_load returns LARDER_HOST_FAILED.
    int (*compile)(void* context);
    // Write what was compiled. Not 0: it cannot be written; the host uses it and nothing is kept.
    int (*export_blob)(void* context, larder_sink* sink);
    // It was kept: take it. Not 0: it is of no use; `compile` is called, and the blob is replaced.
    int (*import_blob)(void* context, const larder_blob* blob);
} larder_host;

// ── The load ─────────────────────────────────────────────────────────────────────────────────────
typedef enum larder_outcome {
    LARDER_COMPILED = 0,  // by this call, and kept
    LARDER_LOADED = 1,    // it was kept
    LARDER_WAITED = 2,    // another process or thread compiled it meanwhile; loaded
    LARDER_BYPASSED = 3   // compiled and not kept; the reason says why
} larder_outcome;

typedef struct larder_result larder_result;
LARDER_EXPORT larder_outcome larder_result_outcome(const larder_result* result);
// Why it was compiled or bypassed; empty for a plain hit. Valid until the result is freed.
LARDER_EXPORT const char* larder_result_reason(const larder_result* result);
// 64 hexadecimal characters, as in `larder ls`; empty where none could be made.
LARDER_EXPORT const char* larder_result_key(const larder_result* result);
// NULL is allowed.
LARDER_EXPORT void larder_result_free(larder_result* result);

// Returns once the host has what it asked for. `result` may be NULL; else *result is the caller's
// to free if this returns LARDER_OK, and NULL if not. LARDER_INVALID_ARGUMENT: a member that must
// not be NULL is, or a name comes twice. LARDER_MISS, LARDER_HOST_FAILED: see there.
LARDER_EXPORT larder_status larder_load(larder_cache* cache, const larder_request* request,
                                        const larder_host* host, void* context,
                                        larder_result** result, larder_error** error);

#ifdef __cplusplus
}
#endif
// NOLINTEND(readability-identifier-naming)
