/// \file
/// larder in C, for hosts that build and compile their graphs themselves. A host identifies what it
/// is about to compile by content. It gets the cached blob, or the right to compile and publish
/// one.
///
///     larder_load(cache, &request, &host, my_context, &result, &error);
///
/// calls host.import_blob with the cached blob, mapped and verified, or host.compile and
/// host.export_blob. If several threads or processes ask for the same blob at once, one compiles
/// and the others wait for it.
///
/// Link to liblarder_store; OpenVINO is not needed. Functions that can fail return a larder_status.
/// They may be called from any thread, unless said otherwise. No fault of the cache fails a load:
/// with a full disk or a damaged larder the host's `compile` is called, and the result says why
/// nothing was published.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "larder/export.hpp"

// NOLINTBEGIN(readability-identifier-naming): C naming conventions.
#ifdef __cplusplus
extern "C" {
#endif

/// The result of a function that can fail. larder_error_text says more.
typedef enum larder_status {
    LARDER_OK = 0,
    LARDER_NOT_FOUND = 1,
    LARDER_PERMISSION_DENIED = 2,
    LARDER_READ_ONLY = 3,
    LARDER_NO_SPACE = 4,
    LARDER_DAMAGED = 5,
    LARDER_UNSUPPORTED = 6,
    LARDER_INVALID_ARGUMENT = 7,  ///< the caller's input is wrong
    LARDER_MISS = 8,              ///< mode "cache-only", and there is no entry
    LARDER_TIMED_OUT = 9,
    LARDER_IO = 10,
    LARDER_HOST_FAILED = 11,  ///< the host's `compile` returned another value than 0
    LARDER_NO_MEMORY = 12
} larder_status;

// ── Errors ───────────────────────────────────────────────────────────────────────────────────────
/// An error, with its text. If a function has a parameter `error` that is not NULL, it sets *error
/// to NULL, or on failure to an error that the caller must free. On LARDER_NO_MEMORY *error may
/// also be NULL.
typedef struct larder_error larder_error;

/// Says what failed, on which file, and why. Never NULL; valid until the error is freed.
LARDER_EXPORT const char* larder_error_text(const larder_error* error);
/// Tells the user what to do; empty if there is nothing to add. Valid until the error is freed.
LARDER_EXPORT const char* larder_error_remedy(const larder_error* error);
/// Frees an error; `error` may be NULL.
LARDER_EXPORT void larder_error_free(larder_error* error);

// ── A handle on a larder ─────────────────────────────────────────────────────────────────────────
/// A handle on a larder. Hold one for as long as models are requested.
typedef struct larder_cache larder_cache;

/// A setting that the program decides.
typedef struct larder_setting {
    const char* name;   ///< as in `larder config`: "directory", "mode", "max_size"…
    const char* value;  ///< as in larder.toml: "/srv/larder", "read-only", "20GiB"…
} larder_setting;

/// Opens a handle with these settings. Settings that are not given come from the environment and
/// the configuration files; LARDER_MODE=off in the environment overrides all of them. Does not open
/// the larder yet. `settings` may be NULL if `count` is 0. Do not call this while another thread
/// changes the environment. Returns LARDER_INVALID_ARGUMENT, with an error that names the setting,
/// if one of `settings` is wrong. If a setting from elsewhere cannot be read, the handle publishes
/// nothing, and one warning names the setting.
LARDER_EXPORT larder_status larder_open(const larder_setting* settings, size_t count,
                                        larder_cache** cache, larder_error** error);
/// Closes a handle. No load may be running on `cache`, and none may begin later; retained blobs
/// stay valid. `cache` may be NULL.
LARDER_EXPORT void larder_close(larder_cache* cache);

// ── The request ──────────────────────────────────────────────────────────────────────────────────
/// Bytes of the caller.
typedef struct larder_bytes {
    const void* data;  ///< may be NULL if `size` is 0
    size_t size;       ///< in bytes
} larder_bytes;

/// A value other than the model's content that decides the blob. Both strings are UTF-8.
typedef struct larder_input {
    const char* name;   ///< "context_length"
    const char* value;  ///< "4096"
} larder_input;

/// The model that larder_load is to find. The caller owns all of it, and must leave it unchanged
/// until larder_load returns.
typedef struct larder_request {
    /// The model's name for people: `larder ls` shows it; it has no effect on the key.
    const char* model;
    /// Everything that the model consists of: its weights, as they lie in memory, and its
    /// configuration. The order and the length of each part count. Hashed in place, on all cores;
    /// memory that is an unchanged private or read-only mapping of a file is hashed once per
    /// machine.
    const larder_bytes* content;
    size_t content_count;  ///< the number of parts
    /// Names and versions of the software that compiles ("llama.cpp b6000, OpenVINO 2026.4.1"). A
    /// blob is only ever given to the same software.
    const char* runtime;
    /// The device, with every property of it that a blob depends on ("CPU, avx512_core_vnni").
    const char* device;
    const larder_input* inputs;  ///< names are unique; may be NULL if `input_count` is 0
    size_t input_count;          ///< the number of inputs
} larder_request;

// ── The host's functions ─────────────────────────────────────────────────────────────────────────
/// A cached blob, mapped read-only and verified.
typedef struct larder_blob larder_blob;
/// Returns the first byte. Valid until import_blob returns, or while the blob is retained.
LARDER_EXPORT const void* larder_blob_data(const larder_blob* blob);
/// Returns the size in bytes.
LARDER_EXPORT size_t larder_blob_size(const larder_blob* blob);
/// Keeps the blob mapped after import_blob has returned, until larder_blob_release was called as
/// often as this. The blob stays readable even if the larder is removed.
LARDER_EXPORT void larder_blob_retain(const larder_blob* blob);
/// Undoes one larder_blob_retain.
LARDER_EXPORT void larder_blob_release(const larder_blob* blob);

/// Receives the compiled blob from the host.
typedef struct larder_sink larder_sink;
/// Writes `size` bytes at `offset`. Offsets may go back: headers can be written last. If this
/// returns anything but LARDER_OK, stop and return that value from export_blob; larder knows the
/// error. To be called only on the thread that called export_blob.
LARDER_EXPORT larder_status larder_sink_write(larder_sink* sink, uint64_t offset, const void* data,
                                              size_t size);

/// The host's functions. larder_load calls them on the thread that called it, with its `context`.
/// They must not throw.
typedef struct larder_host {
    /// Called on a miss: compile, and hold the result for export_blob and for the host's own use.
    /// If it returns another value than 0, nothing is published and larder_load returns
    /// LARDER_HOST_FAILED.
    int (*compile)(void* context);
    /// Called after `compile`: write the compiled blob to `sink`. If it returns another value than
    /// 0, the blob cannot be exported: the host uses it and nothing is published.
    int (*export_blob)(void* context, larder_sink* sink);
    /// Called on a hit: import the blob. If it returns another value than 0, the blob is unusable:
    /// `compile` is called and the blob is replaced.
    int (*import_blob)(void* context, const larder_blob* blob);
} larder_host;

// ── The load ─────────────────────────────────────────────────────────────────────────────────────
/// How a load was served.
typedef enum larder_outcome {
    LARDER_COMPILED = 0,  ///< compiled by this call, and published
    LARDER_LOADED = 1,    ///< loaded from the larder
    LARDER_WAITED = 2,    ///< another process or thread compiled it meanwhile; loaded
    LARDER_BYPASSED = 3   ///< compiled and not published; the reason says why
} larder_outcome;

/// The result of a load.
typedef struct larder_result larder_result;
/// Returns how the load was served.
LARDER_EXPORT larder_outcome larder_result_outcome(const larder_result* result);
/// Says why the blob was compiled or bypassed; empty for a plain hit. Valid until the result is
/// freed.
LARDER_EXPORT const char* larder_result_reason(const larder_result* result);
/// Returns the key: 64 hexadecimal characters, as in `larder ls`; empty if no key could be
/// computed. Valid until the result is freed.
LARDER_EXPORT const char* larder_result_key(const larder_result* result);
/// Frees a result; `result` may be NULL.
LARDER_EXPORT void larder_result_free(larder_result* result);

/// Loads a blob, or has it compiled. Returns once the host has imported or compiled it. `result`
/// may be NULL; otherwise the caller must free *result if this returns LARDER_OK, and *result is
/// NULL if not. LARDER_INVALID_ARGUMENT: a member that must not be NULL is NULL, or a name occurs
/// twice. LARDER_MISS and LARDER_HOST_FAILED are explained at their definitions.
LARDER_EXPORT larder_status larder_load(larder_cache* cache, const larder_request* request,
                                        const larder_host* host, void* context,
                                        larder_result** result, larder_error** error);

#ifdef __cplusplus
}
#endif
// NOLINTEND(readability-identifier-naming)
