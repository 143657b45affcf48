#include "cache/attempt/export.h"

#include <string>
#include <utility>
#include <vector>

#include "cache/blob/model_bytes.h"
#include "cache/blob/referring_blob.h"
#include "cache/entries/notes.h"
#include "cache/session/progress.h"

namespace larder::internal::cache {
namespace {

class Sink final : public runtime::BlobSink {
public:
    explicit Sink(store::StagedFile& file) : file_(file) {}
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        return file_.write_at(offset, bytes);
    }

private:
    store::StagedFile& file_;
};

// This much is copied within a few milliseconds.
constexpr std::uint64_t k_copied_source_bytes_max = std::uint64_t{64} << 20;

// Bytes of the model that a blob may refer to.
struct SourceBytes {
    std::uint64_t all = 0;
    std::uint64_t copied = 0;  // by each load
};

SourceBytes sum_of_bytes(const std::vector<ModelSource>& sources) {
    SourceBytes sum;
    for (const auto& source : sources) {
        sum.all += source.bytes.size();
        if (source.is_copied) sum.copied += source.bytes.size();
    }
    return sum;
}

// Why what is kept may not refer to the model's own files; empty if it may.
std::string reason_to_keep_weights(Attempt& attempt, const Miss& miss) {
    switch (attempt.config().weights) {
        case Weights::keep: return "LARDER_WEIGHTS=keep";
        case Weights::refer: return {};
        case Weights::automatic: break;
    }
    // Another program has published the entry under the same key, and will ask for it again.
    if (miss.lacks_weights) return "the model is in no file, only in the memory of programs";
    // A blob that is copied together from its sources stays in memory: the GPU plugin of 2026.4.1
    // holds the blob that it imported for as long as the model lives. Pages of a file can be
    // dropped.
    if (attempt.request.copies_blob() && attempt.request.holds_blob()) {
        return "the device would hold them in memory";
    }
    if (ModelBytes(attempt.session, attempt.identified).is_far(attempt.store->directory())) {
        return "the model's files are on a network file system, and the larder is not";
    }
    return {};
}

// Of the model's files; none where `reason` then says why the weights have to be kept.
std::vector<ModelSource> sources_to_refer_to(Attempt& attempt, const Miss& miss, ModelBytes& model,
                                             std::string& reason) {
    reason = reason_to_keep_weights(attempt, miss);
    if (!reason.empty()) return {};
    auto sources = model.map();
    if (!sources) {
        reason = sources.error().message();
        return {};
    }
    const auto bytes = sum_of_bytes(*sources);
    const bool is_automatic = attempt.config().weights == Weights::automatic;
    if (bytes.all < k_referred_bytes_min) {
        reason = "they are few";
    } else if (is_automatic && bytes.copied > k_copied_source_bytes_max) {
        reason = "each load would have to copy them";
    }
    return reason.empty() ? std::move(*sources) : std::vector<ModelSource>{};
}

BlobUse use_of_blob(const Attempt& attempt) {
    if (!attempt.request.copies_blob()) return BlobUse::in_place;
    const bool may_take_memory = attempt.config().weights == Weights::refer;
    return attempt.request.holds_blob() && !may_take_memory ? BlobUse::held : BlobUse::copied;
}

}  // namespace

Result<void> export_into(Attempt& attempt, const Miss& miss, store::StagedFile& file,
                         format::Manifest& manifest) {
    auto& why = manifest.notes[k_weights_note];
    if (attempt.request.exports_without_weights()) {
        why = "the device has left them out";
        Sink sink(file);
        MeteredSink metered(sink, attempt.meter);
        return attempt.request.export_blob(metered);
    }
    ModelBytes model(attempt.session, attempt.identified);
    auto sources = sources_to_refer_to(attempt, miss, model, why);
    const auto find_shareable = [&] {
        add_family_of_graph(attempt.session, attempt.request, attempt.identified);
        return attempt.store->shareable(attempt.identified.families);
    };
    ReferringBlob blob(model, std::move(sources), find_shareable, file, use_of_blob(attempt));
    MeteredSink metered(blob, attempt.meter);
    if (auto done = attempt.request.export_blob(metered); !done) return done;
    if (auto done = blob.finish(); !done) return done;
    if (blob.refers_to_model()) {
        manifest.notes.erase(k_weights_note);
    } else if (why.empty()) {
        why = "the compiler has converted most of them";
    }
    return {};
}

}  // namespace larder::internal::cache
