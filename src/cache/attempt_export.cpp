// What of a compiled model is kept.
#include <utility>

#include "cache/attempt.h"
#include "cache/model_bytes.h"
#include "cache/referring_blob.h"

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

// Of what a blob may refer to.
std::uint64_t sum_of_bytes(const std::vector<ModelSource>& sources) {
    std::uint64_t total = 0;
    for (const auto& source : sources) total += source.bytes.size();
    return total;
}

}  // namespace

bool Attempt::may_refer() const {
    switch (session_.config().weights) {
        case WeightsKept::keep: return false;
        case WeightsKept::refer: break;
        case WeightsKept::automatic:
            // Another program has kept it under the same key, and will ask again.
            if (lacks_weights_) return false;
            // What is copied together stays in memory: the GPU plugin of 2026.4.1 holds the blob
            // that it imported for as long as the model lives. Pages of a file can be dropped.
            if (request_.copies_blob()) return false;
            if (ModelBytes(session_, identified_).is_far(store_->directory())) return false;
            break;
    }
    return request_.encryption() == nullptr && !request_.exports_without_weights();
}

Result<void> Attempt::export_into(store::StagedFile& file) {
    if (may_refer()) {
        ModelBytes model(session_, identified_);
        auto sources = model.map();
        if (sources && sum_of_bytes(*sources) >= k_referred_bytes_min) {
            const auto use = request_.copies_blob() ? BlobUse::copied : BlobUse::in_place;
            ReferringBlob blob(model, std::move(*sources), file, use);
            if (auto done = request_.export_blob(blob); !done) return done;
            return blob.finish();
        }
        if (!sources) session_.log().debug("kept with its weights: " + sources.error().message());
    }
    Sink sink(file);
    return request_.export_blob(sink);
}

}  // namespace larder::internal::cache
