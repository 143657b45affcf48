// Keeps the pages of a large blob moving while a runtime imports it: read before they are needed,
// dropped once they were.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "os/background_thread.h"
#include "os/file_system.h"
#include "os/large_blocks.h"
#include "store/types.h"

namespace larder::internal::cache {

// From here on it is worth its while to give memory back once a load is done…
inline constexpr std::uint64_t k_releasable_blob_bytes = std::uint64_t{64} << 20;
// …and to have threads beside the import: they cost some ten milliseconds.
inline constexpr std::uint64_t k_large_blob_bytes = std::uint64_t{128} << 20;

enum class Pages { drop, keep };

// Its thread asks for the blob front to back, and drops the mapping's pages from this process
// whenever many of them are resident: an import goes through the blob once, so does the first
// inference, and what either does need again comes from the page cache. It ends by itself once the
// first inferences are likely over, and with it the scope that what the runtime allocates for the
// blob is brought in by: some models are unpacked at their first inference only.
class BlobPages {
public:
    // `ranges` are what is mapped; their files are closed once they are read.
    // `shared_bytes`, which may be null: what of the runtime's own memory is pages of files by now,
    // and none of the blob's.
    BlobPages(std::shared_ptr<os::Mapping> mapping, std::vector<store::FileRange> ranges,
              Pages pages, std::unique_ptr<os::LargeBlockScope> large_blocks,
              std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes);
    BlobPages(const BlobPages&) = delete;
    BlobPages& operator=(const BlobPages&) = delete;
    ~BlobPages() = default;

    // Ready once all of it was read, or will not be.
    [[nodiscard]] std::shared_future<void> read() const { return read_; }

private:
    void run(const std::stop_token& stop);
    void read_through(const std::stop_token& stop);
    void drop_if_many() const;

    std::shared_ptr<os::Mapping> mapping_;
    std::vector<store::FileRange> ranges_;
    std::unique_ptr<os::LargeBlockScope> large_blocks_;
    std::promise<void> reading_;
    std::shared_future<void> read_ = reading_.get_future().share();
    Pages pages_;
    std::uint64_t resident_before_;
    std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes_;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
