// Decides which parts of a compiled model an entry holds, and publishes it.
#include <utility>

#include "cache/attempt/attempt.h"
#include "cache/blob/model_bytes.h"
#include "cache/blob/referring_blob.h"
#include "cache/entries/kept_form.h"
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

}  // namespace

std::string Attempt::reason_to_keep_weights() const {
    switch (session_.config().weights) {
        case Weights::keep: return "LARDER_WEIGHTS=keep";
        case Weights::refer: return {};
        case Weights::automatic: break;
    }
    // Another program has published the entry under the same key, and will ask for it again.
    if (lacks_weights_) return "the model is in no file, only in the memory of programs";
    // A blob that is copied together from its sources stays in memory: the GPU plugin of 2026.4.1
    // holds the blob that it imported for as long as the model lives. Pages of a file can be
    // dropped.
    if (request_.copies_blob() && request_.holds_blob()) {
        return "the device would hold them in memory";
    }
    if (ModelBytes(session_, identified_).is_far(store_->directory())) {
        return "the model's files are on a network file system, and the larder is not";
    }
    return {};
}

// Of the model's files; none where `reason` then says why the weights have to be kept.
std::vector<ModelSource> Attempt::sources_to_refer_to(ModelBytes& model,
                                                      std::string& reason) const {
    reason = reason_to_keep_weights();
    if (!reason.empty()) return {};
    auto sources = model.map();
    if (!sources) {
        reason = sources.error().message();
        return {};
    }
    const auto bytes = sum_of_bytes(*sources);
    const bool is_automatic = session_.config().weights == Weights::automatic;
    if (bytes.all < k_referred_bytes_min) {
        reason = "they are few";
    } else if (is_automatic && bytes.copied > k_copied_source_bytes_max) {
        reason = "each load would have to copy them";
    }
    return reason.empty() ? std::move(*sources) : std::vector<ModelSource>{};
}

BlobUse Attempt::use_of_blob() const {
    if (!request_.copies_blob()) return BlobUse::in_place;
    const bool may_take_memory = session_.config().weights == Weights::refer;
    return request_.holds_blob() && !may_take_memory ? BlobUse::held : BlobUse::copied;
}

Result<void> Attempt::export_into(store::StagedFile& file, format::Manifest& manifest) {
    auto& why = manifest.notes[k_weights_note];
    if (request_.exports_without_weights()) {
        why = "the device has left them out";
        Sink sink(file);
        MeteredSink metered(sink, meter_);
        return request_.export_blob(metered);
    }
    ModelBytes model(session_, identified_);
    auto sources = sources_to_refer_to(model, why);
    const auto find_shareable = [&] {
        add_family_of_graph(session_, request_, identified_);
        return store_->shareable(identified_.families);
    };
    ReferringBlob blob(model, std::move(sources), find_shareable, file, use_of_blob());
    MeteredSink metered(blob, meter_);
    if (auto done = request_.export_blob(metered); !done) return done;
    if (auto done = blob.finish(); !done) return done;
    if (blob.refers_to_model()) {
        manifest.notes.erase(k_weights_note);
    } else if (why.empty()) {
        why = "the compiler has converted most of them";
    }
    return {};
}

}  // namespace larder::internal::cache
