#include "cache/attempt/files.h"

#include <string>
#include <utility>

#include "cache/attempt/compile.h"
#include "cache/attempt/keep.h"
#include "cache/attempt/trials.h"
#include "cache/entries/keep_files.h"
#include "cache/entries/notes.h"
#include "cache/session/stopwatch.h"
#include "os/file_size_limit.h"

namespace larder::internal::cache {
namespace {

bool compile_with(Attempt& attempt, const store::PrivateDirectory& directory) {
    return attempt.request.compile_with(
        {directory.path(), "larder-" + attempt.identified.key.hex()});
}

// Publishes the files that the runtime has left in `directory` since it began to compile.
Served publish_files(Attempt& attempt, ReadableModel& model, store::PrivateDirectory directory,
                     const format::Manifest& manifest, std::int64_t began_at_ns,
                     std::string reason) {
    Served served;
    auto& response = served.response;
    response.outcome = Outcome::compiled;
    response.reason = std::move(reason);
    const auto same = attempt.confirm_model();
    model.release();
    if (attempt.store->access() == store::Access::read_only) {
        response.outcome = Outcome::bypassed;
        return served;
    }
    if (!same) {
        note_kept(attempt, served, fail(same.error()));
        return served;
    }
    auto fresh = manifest;
    const auto& times = attempt.request.times();
    fresh.compile_ms = whole_milliseconds(times.compile.value_or(std::chrono::nanoseconds{0}));
    const auto start = attempt.clock().monotonic();
    const auto kept = keep_files(*attempt.store, directory, fresh, began_at_ns);
    attempt.timing.publish = attempt.clock().monotonic() - start;
    if (!kept && kept.error().code == Errc::unsupported && attempt.request.is_stood_in_for()) {
        response.reason += "; it is kept once the device behind it has compiled it";
    } else {
        note_kept(attempt, served, kept);
    }
    attempt.session.retain(attempt.store, std::move(directory), kept ? *kept : fresh, began_at_ns);
    return served;
}

Served compile_into(Attempt& attempt, ReadableModel& model, store::PrivateDirectory directory,
                    const format::Manifest& manifest, std::string reason) {
    const auto began_at_ns = attempt.clock().wall().count();
    if (!compile_with(attempt, directory)) {
        return publish_files(attempt, model, std::move(directory), manifest, began_at_ns,
                             std::move(reason));
    }
    attempt.session.retain(attempt.store, std::move(directory), manifest, std::nullopt);
    Served served;
    served.response.outcome = Outcome::loaded;
    return served;
}

}  // namespace

OrMiss<Served> load_files(Attempt& attempt, const format::Manifest& manifest) {
    Result<store::PrivateDirectory> directory = fail(Errc::io, "not opened");
    {
        const Stopwatch watch(attempt.clock(), attempt.timing.verify);
        directory = attempt.store->materialise(&manifest, attempt.config().verify);
    }
    if (!directory) {
        auto reason = directory.error().message();
        attempt.log().warn_once("object", "the kept blob cannot be used: " + reason);
        return miss(std::move(reason));
    }
    // These devices make the runtime read the model before they look into the directory.
    auto model = ReadableModel::make(attempt);
    if (!model) return miss(model.error().message());
    const auto trial = begin_trial(attempt, manifest.parts.front().object);
    attempt.request.expect_settled_properties(note_in(manifest, k_settled_note));
    attempt.session.next_model().read_next(attempt.store, *attempt.asked, std::nullopt);
    auto served = compile_into(attempt, *model, std::move(*directory), manifest,
                               "the device did not accept the kept blob");
    watch(attempt.session, trial);
    return served;
}

Result<Served> compile_into_files(Attempt& attempt, ReadableModel& model, const Miss& miss) {
    const auto control = begin_control(attempt);
    auto directory = attempt.store->materialise(nullptr, attempt.config().verify);
    if (!directory) {
        auto reason = directory.error().message();
        attempt.log().warn_once("keep", "cannot keep a model: " + reason);
        return bypass(attempt, std::move(reason));
    }
    auto manifest = draft(attempt);
    manifest.encoding = format::Encoding::files;
    auto served = compile_into(attempt, model, std::move(*directory), manifest, miss.reason);
    watch(attempt.session, control);
    return served;
}

std::optional<Served> compile_wrapped(Attempt& attempt, ReadableModel& model, const Miss& miss) {
    auto& request = attempt.request;
    const bool may_be =
        request.may_be_wrapped() && request.encryption() == nullptr && !os::is_file_size_limited();
    auto directory = may_be ? attempt.store->materialise(nullptr, attempt.config().verify)
                            : fail(Errc::unsupported, "no device is needed");
    if (!directory) {
        request.compile();
        return std::nullopt;
    }
    const auto began_at_ns = attempt.clock().wall().count();
    static_cast<void>(compile_with(attempt, *directory));
    if (!request.is_wrapped()) return std::nullopt;
    auto manifest = draft(attempt);
    manifest.encoding = format::Encoding::files;
    manifest.requirements = request.requirements();
    note_settled(attempt, manifest);
    return publish_files(attempt, model, std::move(*directory), manifest, began_at_ns, miss.reason);
}

}  // namespace larder::internal::cache
