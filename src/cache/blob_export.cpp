#include "cache/blob_export.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cache/kept_form.h"
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

// Copied within a few milliseconds.
constexpr std::uint64_t k_copied_source_bytes_max = std::uint64_t{64} << 20;

// Of what a blob may refer to.
struct SourceBytes {
    std::uint64_t all = 0;
    std::uint64_t copied = 0;  // of these, by each load
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

Result<void> export_blob(Session& session, const Identified& identified, const BlobExport& how,
                         const std::function<Result<void>(runtime::BlobSink&)>& write,
                         store::StagedFile& file, format::Manifest& manifest) {
    auto reason = how.reason_to_keep_weights;
    if (reason.empty()) {
        ModelBytes model(session, identified);
        auto sources = model.map();
        const auto bytes = sources ? sum_of_bytes(*sources) : SourceBytes{};
        const bool is_automatic = session.config().weights == WeightsKept::automatic;
        if (!sources) {
            reason = sources.error().message();
        } else if (bytes.all < k_referred_bytes_min) {
            reason = "they are few";
        } else if (is_automatic && bytes.copied > k_copied_source_bytes_max) {
            reason = "each load would have to copy them";
        } else {
            const auto use = how.is_copied ? BlobUse::copied : BlobUse::in_place;
            ReferringBlob blob(model, std::move(*sources), file, use);
            if (auto done = write(blob); !done) return done;
            if (auto done = blob.finish(); !done || file.form()) return done;
            manifest.notes[k_weights_note] = "the compiler has made others of most of them";
            return {};
        }
    }
    manifest.notes[k_weights_note] = std::move(reason);
    Sink sink(file);
    return write(sink);
}

}  // namespace larder::internal::cache
