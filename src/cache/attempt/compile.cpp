#include "cache/attempt/compile.h"

#include <utility>

#include "cache/attempt/record.h"
#include "cache/identify/merge_gguf_shards.h"
#include "cache/session/stopwatch.h"

namespace larder::internal::cache {

Result<ReadableModel> ReadableModel::make(Attempt& attempt) {
    const Stopwatch watch(attempt.clock(), attempt.joining);
    auto joined =
        merge_gguf_shards(attempt.session, attempt.store.get(), attempt.request, attempt.model);
    if (!joined) return fail(std::move(joined.error()));
    return ReadableModel(attempt.request);
}

void ReadableModel::release() {
    if (auto* const request = std::exchange(request_, nullptr)) request->release_model();
}

Result<void> compile(Attempt& attempt, Properties properties) {
    const auto readable = ReadableModel::make(attempt);
    if (!readable) return fail(readable.error());
    if (properties == Properties::untouched) {
        attempt.request.compile_untouched();
    } else {
        attempt.request.compile();
    }
    return {};
}

Result<Served> bypass(Attempt& attempt, std::string reason) {
    if (auto done = compile(attempt); !done) return fail(std::move(done.error()));
    attempt.objections.warn(attempt.log());
    Served served;
    served.response.reason = std::move(reason);
    return served;
}

Result<Served> bypass_untouched(Attempt& attempt, std::string reason) {
    if (attempt.config().mode == Mode::cache_only) return refuse(attempt, reason);
    if (auto done = compile(attempt, Properties::untouched); !done) {
        return fail(std::move(done.error()));
    }
    Served served;
    served.response.reason = std::move(reason);
    return served;
}

tl::unexpected<Error> refuse(Attempt& attempt, const std::string& reason) {
    record_refused(attempt, reason);
    return fail(Errc::not_found, "not loaded, because " + reason + ":", attempt.called(),
                "compile it first, or use a mode other than cache-only");
}

}  // namespace larder::internal::cache
