// The functions of larder.h. No exception may leave them.
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "api/configuration.h"
#include "api/convert.h"
#include "api/host_request.h"
#include "api/open_cache.h"
#include "larder/larder.h"
#include "larder/options.hpp"

struct larder_error {
    std::string text;
    std::string remedy;
};

struct larder_cache {
    explicit larder_cache(larder::Options options) : opened(std::move(options)) {}

    larder::api::OpenCache opened;
};

struct larder_result {
    larder_outcome outcome = LARDER_BYPASSED;
    std::string reason;
    std::string key;
};

namespace {

namespace cache = larder::internal::cache;

larder_status status_of(larder::ErrorCode code) {
    using larder::ErrorCode;
    switch (code) {
        case ErrorCode::not_found: return LARDER_NOT_FOUND;
        case ErrorCode::permission_denied: return LARDER_PERMISSION_DENIED;
        case ErrorCode::read_only: return LARDER_READ_ONLY;
        case ErrorCode::no_space: return LARDER_NO_SPACE;
        case ErrorCode::damaged: return LARDER_DAMAGED;
        case ErrorCode::unsupported: return LARDER_UNSUPPORTED;
        case ErrorCode::invalid_argument: return LARDER_INVALID_ARGUMENT;
        case ErrorCode::miss: return LARDER_MISS;
        case ErrorCode::timed_out: return LARDER_TIMED_OUT;
        case ErrorCode::io: return LARDER_IO;
    }
    return LARDER_IO;
}

larder_outcome outcome_of(cache::Outcome outcome) {
    switch (outcome) {
        case cache::Outcome::compiled: return LARDER_COMPILED;
        case cache::Outcome::loaded: return LARDER_LOADED;
        case cache::Outcome::waited: return LARDER_WAITED;
        case cache::Outcome::bypassed: return LARDER_BYPASSED;
    }
    return LARDER_BYPASSED;
}

// If there is no memory for the error, the caller gets the status alone.
void note(larder_error** error, const char* text, const std::string& remedy = {}) noexcept {
    if (error == nullptr) return;
    try {
        *error = new larder_error{text, remedy};
    } catch (const std::bad_alloc&) {
        *error = nullptr;
    }
}

template <class Body>
larder_status guarded(larder_error** error, const Body& body) noexcept {
    if (error != nullptr) *error = nullptr;
    try {
        body();
        return LARDER_OK;
    } catch (const larder::Error& failure) {
        note(error, failure.what(), failure.remedy());
        return status_of(failure.code());
    } catch (const larder::api::HostFailure& failure) {
        note(error, failure.what());
        return LARDER_HOST_FAILED;
    } catch (const std::bad_alloc&) {
        note(error, "there is not enough memory");
        return LARDER_NO_MEMORY;
    } catch (const std::exception& failure) {
        note(error, failure.what());
        return LARDER_IO;
    }
}

[[noreturn]] void refuse(const std::string& what) {
    throw larder::Error(larder::ErrorCode::invalid_argument, what);
}

larder::Options options_with(const larder_setting* settings, std::size_t count) {
    if (settings == nullptr && count > 0) refuse("the settings are missing");
    larder::Options options;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& [name, value] = settings[i];
        if (name == nullptr || value == nullptr)
            refuse("the name or value of a setting is missing");
        larder::api::apply_setting(name, value, options);
    }
    return options;
}

std::unique_ptr<larder_result> load(larder_cache& handle, const larder_request& asked,
                                    const larder_host& host, void* context) {
    larder::api::HostRequest request(asked, host, context);
    larder::api::value_or_throw(request.check());
    cache::ModelReference model;
    model.origin = cache::ModelOrigin::memory;
    model.name = asked.model;
    auto response = handle.opened.serve(request, model);
    auto result = std::make_unique<larder_result>();
    result->outcome = outcome_of(response.outcome);
    result->reason = std::move(response.reason);
    if (response.key) result->key = response.key->hex();
    return result;
}

}  // namespace

const char* larder_error_text(const larder_error* error) { return error->text.c_str(); }
const char* larder_error_remedy(const larder_error* error) { return error->remedy.c_str(); }
void larder_error_free(larder_error* error) { delete error; }

larder_status larder_open(const larder_setting* settings, size_t count, larder_cache** cache,
                          larder_error** error) {
    return guarded(error, [&] {
        if (cache == nullptr) refuse("the pointer for the handle is null");
        *cache = nullptr;
        *cache = new larder_cache(options_with(settings, count));
    });
}

void larder_close(larder_cache* cache) { delete cache; }

const void* larder_blob_data(const larder_blob* blob) { return blob->kept.bytes.data(); }
size_t larder_blob_size(const larder_blob* blob) { return blob->kept.bytes.size(); }

void larder_blob_retain(const larder_blob* blob) { ++blob->holders; }
void larder_blob_release(const larder_blob* blob) {
    if (--blob->holders == 0) delete blob;
}

larder_status larder_sink_write(larder_sink* sink, uint64_t offset, const void* data, size_t size) {
    const auto bytes = std::span(static_cast<const std::byte*>(data), size);
    if (sink->written) sink->written = sink->sink.write_at(offset, bytes);
    if (sink->written) return LARDER_OK;
    return status_of(larder::api::public_error(sink->written.error()).code());
}

larder_outcome larder_result_outcome(const larder_result* result) { return result->outcome; }
const char* larder_result_reason(const larder_result* result) { return result->reason.c_str(); }
const char* larder_result_key(const larder_result* result) { return result->key.c_str(); }
void larder_result_free(larder_result* result) { delete result; }

larder_status larder_load(larder_cache* cache, const larder_request* request,
                          const larder_host* host, void* context, larder_result** result,
                          larder_error** error) {
    if (result != nullptr) *result = nullptr;
    return guarded(error, [&] {
        if (cache == nullptr || request == nullptr || host == nullptr) {
            refuse("the handle, the request or the host is missing");
        }
        auto loaded = load(*cache, *request, *host, context);
        if (result != nullptr) *result = loaded.release();
    });
}
