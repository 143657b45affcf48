// A blob on its way from the runtime into the larder, of which only what the compiler made gets
// there: bytes that the model's own files have, or objects of the larder, are recognised as they
// pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/blob/model_bytes.h"
#include "format/referring.h"
#include "runtime/runtime.h"
#include "store/disk/staged_file.h"
#include "store/disk/types.h"
#include "store/references/windows.h"

namespace larder::internal::cache {

// Shorter ranges that equal the model's files are not worth a piece of their own.
inline constexpr std::uint64_t k_recognised_bytes_min = 4096;
inline constexpr std::uint64_t k_source_stretch_bytes = 4096;

// Smaller models are stored raw: a file takes whole blocks, and a hit would open one file more.
inline constexpr std::uint64_t k_referred_bytes_min = std::uint64_t{256} << 10;

// Tells how a device uses the blob that it imports.
enum class BlobUse {
    in_place,  // its constants stay at their places in memory
    copied,    // the device has its own copy
    held,      // it has, and holds the memory of the blob as well, which should be pages of files
};

// Store::shareable. Called at most once, where the model's files have not all of a blob.
using FindShareable = std::function<std::vector<store::MappedObject>()>;

class ReferringBlob final : public runtime::BlobSink {
public:
    // `model` and `file` must outlive it; `sources` are those of `model`, or none.
    ReferringBlob(ModelBytes& model, std::vector<ModelSource> sources, FindShareable find_shareable,
                  store::StagedFile& file, BlobUse use);

    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
    // Once all is written. The file then holds what has to be kept and has its form; or the blob
    // itself, where too little of it lies elsewhere, or it would have to be copied together at
    // each load.
    [[nodiscard]] Result<void> finish();
    // Whether what was kept then refers to the model's own files.
    [[nodiscard]] bool refers_to_model() const { return refers_to_model_; }

private:
    // Consecutive bytes of the blob that have one source.
    struct Run {
        std::uint64_t bytes = 0;
        std::optional<std::uint32_t> source;  // none: `made_`
        std::uint64_t offset = 0;             // in it
        bool is_kept = false;  // its bytes are kept once more, although they lie in a source
    };
    // The place of some bytes in the imported blob, and their source.
    struct Placed {
        std::uint64_t offset = 0;  // in the blob as it is imported
        Run run;
    };
    using Runs = std::map<std::uint64_t, Run>;  // by the offset in the blob

    // Looks for what the model's files do not have, also in what has passed.
    [[nodiscard]] Result<void> look_among_objects();
    void drop_resident() noexcept;
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
    [[nodiscard]] std::vector<std::size_t> repeated_in(const std::vector<Placed>& constants) const;
    [[nodiscard]] std::optional<std::vector<Placed>> lay_out_as_it_is();
    // How far behind the beginning of a page the blob has to begin so that most can be mapped.
    [[nodiscard]] std::uint64_t best_start() const;
    [[nodiscard]] bool can_be_mapped(std::uint64_t offset, const Run& run) const;
    [[nodiscard]] Result<void> write(const std::vector<Placed>& placed);

    ModelBytes& model_;
    std::vector<ModelSource> sources_;
    FindShareable find_shareable_;
    std::vector<store::MappedObject> objects_;  // behind the model's own among the sources
    store::Windows windows_;
    store::StagedFile& file_;
    BlobUse use_;
    Runs runs_;
    std::vector<std::byte> made_;
    std::uint64_t blob_bytes_ = 0;
    std::uint64_t start_in_page_ = 0;
    std::uint64_t referred_bytes_ = 0;
    std::uint64_t touched_bytes_ = 0;  // of the sources, since their pages were dropped
    bool has_looked_ = false;          // among objects
    bool is_whole_ = false;
    bool refers_to_model_ = false;
};

}  // namespace larder::internal::cache
