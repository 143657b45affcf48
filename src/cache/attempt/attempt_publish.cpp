// Publishes a compiled model: before the program gets it, or behind the program.
#include <memory>
#include <new>
#include <utility>

#include "cache/attempt/attempt.h"
#include "cache/identify/encrypted_blob.h"
#include "cache/session/behind.h"
#include "cache/session/stopwatch.h"

namespace larder::internal::cache {

void Attempt::begin_publishing() {
    std::uint64_t model_bytes = 0;
    for (const auto& file : identified_.model.files) model_bytes += file.bytes;
    begin(Stage::publishing, {}, model_bytes);
}

std::optional<format::Manifest> Attempt::keep_blob() {
    begin_publishing();
    const auto start = session_.system().clock.monotonic();
    auto reason = reason_to_withhold();
    auto kept = reason.empty() ? publish_blob() : withhold(std::move(reason));
    auto& timing = response_.timing;
    timing.publish = session_.system().clock.monotonic() - start -
                     timing.export_blob.value_or(std::chrono::nanoseconds{0});
    note_kept(kept);
    if (!kept || is_withheld(*kept)) return std::nullopt;
    return std::move(*kept);
}

store::Publication Attempt::draft_publication() {
    store::Publication publication;
    publication.manifest = draft();
    auto& manifest = publication.manifest;
    manifest.requirements = request_.requirements();
    if (request_.exports_without_weights()) manifest.weights = format::Weights::external;
    if (request_.encryption() == nullptr && request_.makes_kernels()) {
        manifest.notes[k_kernels_note] = "made while it runs";
    }
    note_names(manifest);
    note_settled(manifest);
    if (request_.encryption() != nullptr) {
        manifest.encoding = format::Encoding::encrypted;
    }
    return publication;
}

store::PartSource Attempt::blob_source(store::Publication& publication) {
    store::PartSource source;
    if (request_.encryption() != nullptr) source.name = format::k_pieces_part;
    source.write = [this, &publication](store::StagedFile& file) {
        const Stopwatch watch(session_.system().clock, response_.timing.export_blob);
        if (const auto* const encryption = request_.encryption()) {
            MemorySink memory;
            if (auto done = request_.export_blob(memory); !done) return done;
            if (auto same = confirm_model(); !same) return same;
            return memory.encrypt_into(file, identified_.key, *encryption);
        }
        if (auto done = export_into(file, publication.manifest); !done) return done;
        publication.families = identified_.families;
        return confirm_model();
    };
    return source;
}

Result<format::Manifest> Attempt::publish_blob() {
    auto publication = draft_publication();
    publication.sources.push_back(blob_source(publication));
    return publish(publication);
}

void Attempt::note_settled(format::Manifest& manifest) const {
    auto settled = request_.settled_properties();
    if (!settled.empty()) manifest.notes[k_settled_note] = std::move(settled);
}

// After a refusal or a crash, the blob is published before the program goes on.
bool Attempt::may_be_published_behind() {
    return session_.config().publish == Publish::behind && request_.compiled_holds_model() &&
           !refused_ && refusals_ == 0 && blame_.crashes == 0;
}

// The runtime exports on this thread, and the state is written by it: the thread behind the program
// uses the larder's files only, so that no model, signal, fork or end of the program can meet it.
std::optional<format::Manifest> Attempt::publish_behind(store::CompileLock compile_lock) {
    begin_publishing();
    auto publication = draft_publication();
    auto& source = publication.sources.emplace_back(blob_source(publication));
    auto written = write(source);
    if (!written) {
        note_kept(fail(std::move(written.error())));
        return std::nullopt;
    }
    written_bytes_ = (*written)->bytes();
    source.written = std::move(*written);
    source.write = [](store::StagedFile&) -> Result<void> {
        return fail(Errc::io, "the disk did not take the blob, and the model is in use by now");
    };
    const auto job =
        std::make_shared<PublishJob>(store_, std::move(compile_lock), std::move(publication),
                                     times().compile.value_or(std::chrono::nanoseconds{0}));
    response_.is_being_kept = session_.behind().start(job);
    if (response_.is_being_kept) return std::nullopt;
    const Stopwatch watch(session_.system().clock, response_.timing.publish);
    job->run();
    auto kept = job->result();
    note_kept(kept);
    if (!kept) return std::nullopt;
    return std::move(*kept);
}

// With too little memory the blob is not published, and nothing else is lost.
Result<std::shared_ptr<store::WrittenPart>> Attempt::write(const store::PartSource& source) {
    try {
        return store_->write(source);
    } catch (const std::bad_alloc&) {
        return fail(Error::from_errno("cannot keep a model in", store_->directory(), ENOMEM));
    }
}

void Attempt::note_kept(const Result<format::Manifest>& kept) {
    if (kept && is_withheld(*kept) && refusals_ >= k_refusals_max) {
        response_.outcome = Outcome::bypassed;
        response_.reason = "it is not kept: " + kept->notes.at(k_withheld_note);
        return;
    }
    if (kept) {
        response_.object = kept->own_part().object;
        response_.object_bytes = kept->total_bytes();
        const bool is_part = kept->encoding == format::Encoding::referring;
        written_bytes_ = is_part ? kept->own_part().bytes : response_.object_bytes;
        response_.kept_bytes = kept->total_bytes() - kept->referred_bytes();
        return;
    }
    response_.outcome = Outcome::bypassed;
    response_.reason = kept.error().message();
    // A device that cannot export is no fault; the reason says so.
    if (kept.error().code == Errc::unsupported) return;
    session_.log().warn_once("keep",
                             "a model was compiled but not kept: " + kept.error().message());
    if (kept.error().code == Errc::not_found) session_.lose(store_);
}

}  // namespace larder::internal::cache
