// Controls the pages of a large blob while a runtime imports it: reads them ahead of the import,
// and drops them behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "os/background_thread.h"
#include "os/file_system.h"
#include "process/large_blocks.h"
#include "store/disk/types.h"

namespace larder::internal::cache {

// From this size on, memory is released once a load has ended.
inline constexpr std::uint64_t k_releasable_blob_bytes = std::uint64_t{64} << 20;
// From this size on, threads run beside the import: they cost some ten milliseconds.
inline constexpr std::uint64_t k_large_blob_bytes = std::uint64_t{128} << 20;

enum class Pages { drop, keep };

// Its thread reads the blob front to back, and drops the mapping's pages from this process whenever
// many of them are resident: an import goes through the blob once, so does the first inference, and
// pages that either needs again come from the page cache. The thread ends once the first inferences
// are likely over: some models are unpacked only at their first inference. With it ends the scope
// of the large blocks that the runtime allocates for the blob.
class BlobPages {
public:
    // `ranges` are the mapped file ranges; their files are closed once they are read.
    // `shared_bytes` may be null. It counts the runtime's own memory that is pages of shared files
    // by now: those are resident, but not the blob's.
    BlobPages(std::shared_ptr<os::Mapping> mapping, std::vector<store::FileRange> ranges,
              Pages pages, std::unique_ptr<process::LargeBlockScope> large_blocks,
              std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes);
    BlobPages(const BlobPages&) = delete;
    BlobPages& operator=(const BlobPages&) = delete;
    ~BlobPages() = default;

    // Ready once all of the blob was read, or reading has ended without that.
    [[nodiscard]] std::shared_future<void> read() const { return read_; }

private:
    void run(const std::stop_token& stop);
    void read_through(const std::stop_token& stop);
    void drop_if_many() const;

    std::shared_ptr<os::Mapping> mapping_;
    std::vector<store::FileRange> ranges_;
    std::unique_ptr<process::LargeBlockScope> large_blocks_;
    std::promise<void> reading_;
    std::shared_future<void> read_ = reading_.get_future().share();
    Pages pages_;
    std::uint64_t resident_before_;
    std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes_;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
