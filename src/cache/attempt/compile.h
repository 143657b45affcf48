// Compiles the model of a request.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "cache/attempt/attempt.h"

namespace larder::internal::cache {

// Makes a model readable that is to be compiled, and releases it at the end of its life: a compiled
// model does not need it. Each compile happens within the life of one of these.
class ReadableModel {
public:
    // The errors of merge_gguf_shards.
    [[nodiscard]] static Result<ReadableModel> make(Attempt& attempt);
    ReadableModel(ReadableModel&& other) noexcept
        : request_(std::exchange(other.request_, nullptr)) {}
    ReadableModel& operator=(ReadableModel&&) = delete;
    ReadableModel(const ReadableModel&) = delete;
    ReadableModel& operator=(const ReadableModel&) = delete;
    ~ReadableModel() { release(); }

    // Once nothing reads the model any more. Does nothing if it is released.
    void release();

private:
    explicit ReadableModel(runtime::Request& request) : request_(&request) {}

    runtime::Request* request_;
};

enum class Properties {
    without_cache,  // the runtime's own cache is off
    untouched,      // the caller's, exactly as if larder were not there
};

// Compiles, and publishes nothing. The errors of ReadableModel::make; exceptions of the runtime
// pass.
[[nodiscard]] Result<void> compile(Attempt& attempt,
                                   Properties properties = Properties::without_cache);

// Serve the request by compiling, for `reason`. Errors as above; in Mode::cache_only,
// bypass_untouched gives that of `refuse`.
[[nodiscard]] Result<Served> bypass(Attempt& attempt, std::string reason);
[[nodiscard]] Result<Served> bypass_untouched(Attempt& attempt, std::string reason);

// Returns the error of a request that is not to be compiled, in Mode::cache_only.
[[nodiscard]] tl::unexpected<Error> refuse(Attempt& attempt, const std::string& reason);

}  // namespace larder::internal::cache
