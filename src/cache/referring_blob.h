// Receives a blob from the runtime and stores only what the compiler made: it recognises bytes that
// are in the model's own files, and refers to those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/model_bytes.h"
#include "format/referring.h"
#include "runtime/runtime.h"
#include "store/staged_file.h"
#include "store/windows.h"

namespace larder::internal::cache {

// Smaller models are stored raw: a file takes whole blocks, and a hit would open one file more.
inline constexpr std::uint64_t k_referred_bytes_min = std::uint64_t{256} << 10;

// Tells how a device uses the blob that it imports.
enum class BlobUse {
    in_place,  // its constants stay at their places in memory
    copied,    // the device has its own copy
};

class ReferringBlob final : public runtime::BlobSink {
public:
    // `model` and `file` must outlive it; `sources` are those of `model`.
    ReferringBlob(ModelBytes& model, std::vector<ModelSource> sources, store::StagedFile& file,
                  BlobUse use);

    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
    // To be called once everything is written. The file then has its encoding: what must be stored,
    // with references; or the blob itself, if too little of it is in the model's files, or if each
    // load would have to copy it together.
    [[nodiscard]] Result<void> finish();

private:
    // Consecutive bytes of the blob that have one source.
    struct Run {
        std::uint64_t bytes = 0;
        std::optional<std::uint32_t> source;  // absent: `made_`
        std::uint64_t offset = 0;             // in the source
    };
    // The place of some bytes in the imported blob, and their source.
    struct Placed {
        std::uint64_t offset = 0;  // in the blob as it is imported
        Run run;
    };
    using Runs = std::map<std::uint64_t, Run>;  // by the offset in the blob

    [[nodiscard]] Result<void> write_over(std::uint64_t offset, std::span<const std::byte> bytes);
    void recognise(std::uint64_t offset, std::span<const std::byte> bytes);
    [[nodiscard]] std::uint64_t common_bytes(std::span<const std::byte> bytes,
                                             std::span<const std::byte> source);
    void add_made(std::uint64_t offset, std::span<const std::byte> bytes);
    void add_referred(std::uint64_t offset, std::uint64_t bytes, std::uint32_t source,
                      std::uint64_t source_offset);
    [[nodiscard]] std::span<const std::byte> bytes_of(const Run& run) const;
    [[nodiscard]] std::vector<std::byte> read(std::uint64_t offset, std::uint64_t bytes) const;
    [[nodiscard]] const Run* run_with(std::uint64_t offset, std::uint64_t bytes,
                                      std::uint64_t& begin) const;
    // Writes out all bytes recognised so far; from then on all bytes are written as they are.
    [[nodiscard]] Result<void> keep_whole();
    [[nodiscard]] bool is_worth_it() const;
    // Both return nothing if the blob cannot be laid out, or if that would not pay.
    [[nodiscard]] std::optional<std::vector<Placed>> lay_out();
    [[nodiscard]] std::optional<std::vector<Placed>> lay_out_for_cpu();
    [[nodiscard]] Result<void> write(const std::vector<Placed>& placed);

    ModelBytes& model_;
    std::vector<ModelSource> sources_;
    store::Windows windows_;
    store::StagedFile& file_;
    BlobUse use_;
    Runs runs_;
    std::vector<std::byte> made_;
    std::uint64_t blob_bytes_ = 0;
    std::uint64_t referred_bytes_ = 0;
    std::uint64_t touched_bytes_ = 0;  // of the sources, since their pages were last dropped
    bool is_whole_ = false;
};

}  // namespace larder::internal::cache
