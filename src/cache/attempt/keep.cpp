#include "cache/attempt/keep.h"

#include <memory>
#include <utility>

#include "cache/attempt/export.h"
#include "cache/attempt/link_entry.h"
#include "cache/entries/kernels.h"
#include "cache/identify/encrypted_blob.h"
#include "cache/session/behind.h"
#include "cache/session/stopwatch.h"

namespace larder::internal::cache {
namespace {

// A part without a byte.
store::PartSource no_bytes() {
    store::PartSource source;
    source.write = [](store::StagedFile&) { return Result<void>{}; };
    return source;
}

void begin_publishing(Attempt& attempt) {
    std::uint64_t model_bytes = 0;
    for (const auto& file : attempt.identified.model.files) model_bytes += file.bytes;
    attempt.begin(Stage::publishing, {}, model_bytes);
}

// Everything but the source.
store::Publication draft_publication(Attempt& attempt) {
    auto& request = attempt.request;
    store::Publication publication;
    publication.manifest = draft(attempt);
    publication.durability = store::Durability::soon;
    auto& manifest = publication.manifest;
    manifest.requirements = request.requirements();
    if (request.exports_without_weights()) manifest.weights = format::Weights::external;
    if (request.encryption() == nullptr && request.makes_kernels()) {
        manifest.notes[k_kernels_note] = "made while it runs";
    }
    note_names(attempt, manifest);
    note_settled(attempt, manifest);
    if (request.encryption() != nullptr) {
        manifest.encoding = format::Encoding::encrypted;
    }
    return publication;
}

// Exports the compiled model, and sets its families; all three must outlive the result.
store::PartSource blob_source(Attempt& attempt, const Miss& miss, store::Publication& publication) {
    store::PartSource source;
    if (attempt.request.encryption() != nullptr) source.name = format::k_pieces_part;
    source.write = [&attempt, &miss, &publication](store::StagedFile& file) {
        const Stopwatch watch(attempt.clock(), attempt.timing.export_blob);
        if (const auto* const encryption = attempt.request.encryption()) {
            MemorySink memory;
            if (auto done = attempt.request.export_blob(memory); !done) return done;
            if (auto same = attempt.confirm_model(); !same) return same;
            return memory.encrypt_into(file, attempt.identified.key, *encryption);
        }
        if (auto done = export_into(attempt, miss, file, publication.manifest); !done) return done;
        publication.families = attempt.identified.families;
        return attempt.confirm_model();
    };
    return source;
}

Result<format::Manifest> publish_blob(Attempt& attempt, const Miss& miss) {
    auto publication = draft_publication(attempt);
    publication.sources.push_back(blob_source(attempt, miss, publication));
    return attempt.publish(publication);
}

void send_published(Attempt& attempt) {
    const auto sent = attempt.session.tiers()->send(attempt.store->id(), attempt.identified.key);
    if (sent) return;
    attempt.log().warn_once(
        "send", "a model is not sent to the storages of LARDER_REMOTE: " + sent.error().message());
}

}  // namespace

std::optional<format::Manifest> keep_blob(Attempt& attempt, Served& served, const Miss& miss) {
    begin_publishing(attempt);
    const auto start = attempt.clock().monotonic();
    auto reason = attempt.objections.reason_to_withhold();
    auto kept = reason.empty() ? publish_blob(attempt, miss) : withhold(attempt, std::move(reason));
    auto& timing = attempt.timing;
    timing.publish = attempt.clock().monotonic() - start -
                     timing.export_blob.value_or(std::chrono::nanoseconds{0});
    note_kept(attempt, served, kept);
    if (!kept || is_withheld(*kept)) return std::nullopt;
    return std::move(*kept);
}

bool may_be_kept_behind(const Attempt& attempt) {
    return attempt.config().publish == Publish::behind && attempt.request.compiled_holds_model() &&
           attempt.objections.are_none();
}

// The runtime exports on this thread, and the state is written by it: the thread behind the program
// uses the larder's files only, so that no model, signal, fork or end of the program can meet it.
std::optional<format::Manifest> keep_blob_behind(Attempt& attempt, Served& served, const Miss& miss,
                                                 store::CompileLock compile_lock) {
    begin_publishing(attempt);
    auto publication = draft_publication(attempt);
    publication.durability = store::Durability::at_once;  // nobody waits for the thread
    auto& source = publication.sources.emplace_back(blob_source(attempt, miss, publication));
    auto written = attempt.write(source);
    if (!written) {
        note_kept(attempt, served, fail(std::move(written.error())));
        return std::nullopt;
    }
    served.written_bytes = (*written)->bytes();
    source.written = std::move(*written);
    source.write = [](store::StagedFile&) -> Result<void> {
        return fail(Errc::io,
                    "the blob could not be written, and the program already uses the model");
    };
    const auto job =
        std::make_shared<PublishJob>(attempt.store, std::move(compile_lock), std::move(publication),
                                     attempt.times().compile.value_or(std::chrono::nanoseconds{0}));
    job->send_by(attempt.session.tiers());
    served.response.is_being_kept = attempt.session.behind().start(job);
    if (served.response.is_being_kept) return std::nullopt;
    const Stopwatch watch(attempt.clock(), attempt.timing.publish);
    job->send_by(nullptr);  // note_kept does
    job->run();
    auto kept = job->result();
    note_kept(attempt, served, kept);
    if (!kept) return std::nullopt;
    return std::move(*kept);
}

Result<format::Manifest> withhold(Attempt& attempt, std::string reason) {
    store::Publication publication;
    publication.manifest = draft(attempt);
    publication.durability = store::Durability::soon;
    publication.manifest.notes[k_withheld_note] = std::move(reason);
    publication.sources.push_back(no_bytes());
    return attempt.publish(publication);
}

void note_kept(Attempt& attempt, Served& served, const Result<format::Manifest>& kept) {
    auto& response = served.response;
    if (kept && is_withheld(*kept) && attempt.objections.refusals >= k_refusals_max) {
        response.outcome = Outcome::bypassed;
        response.reason = "it is not kept: " + kept->notes.at(k_withheld_note);
        return;
    }
    if (kept) {
        response.object = kept->own_part().object;
        response.object_bytes = kept->total_bytes();
        const bool is_part = kept->encoding == format::Encoding::referring;
        served.written_bytes = is_part ? kept->own_part().bytes : response.object_bytes;
        response.kept_bytes = kept->total_bytes() - kept->referred_bytes();
        if (!is_withheld(*kept)) send_published(attempt);
        return;
    }
    response.outcome = Outcome::bypassed;
    response.reason = kept.error().message();
    // A device that cannot export is no fault; the reason says so.
    if (kept.error().code == Errc::unsupported) return;
    attempt.log().warn_once("keep", "a model was compiled but not kept: " + kept.error().message());
    if (kept.error().code == Errc::not_found) attempt.session.lose(attempt.store);
}

format::Manifest draft(const Attempt& attempt) {
    const auto& identified = attempt.identified;
    const auto device = identified.inputs.find("device.name");
    format::Manifest manifest;
    manifest.key = identified.key;
    manifest.key_inputs = identified.inputs;
    manifest.model = identified.model;
    if (device != identified.inputs.end()) manifest.device = device->second;
    manifest.created_at_ns = attempt.clock().wall().count();
    const auto spent = attempt.times();
    manifest.compile_ms =
        whole_milliseconds(spent.compile.value_or(std::chrono::nanoseconds{0}) +
                           spent.read_model.value_or(std::chrono::nanoseconds{0}));
    attempt.objections.note_in(manifest);
    return manifest;
}

void note_settled(const Attempt& attempt, format::Manifest& manifest) {
    auto settled = attempt.request.settled_properties();
    if (!settled.empty()) manifest.notes[k_settled_note] = std::move(settled);
}

}  // namespace larder::internal::cache
