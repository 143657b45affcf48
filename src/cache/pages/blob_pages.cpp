#include "cache/pages/blob_pages.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/parallel.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr std::uint64_t k_read_ahead_bytes = std::uint64_t{8} << 20;
// A reader reads this much at a time: the kernel reads ahead of an open file, and a disk needs
// several readers. The import follows from the front.
constexpr std::uint64_t k_block_bytes = std::uint64_t{32} << 20;
// A runtime reads a constant more than once: pages that are dropped too early are faulted in again.
constexpr std::uint64_t k_resident_part = 8;  // of the blob
constexpr std::uint64_t k_resident_bytes_min = std::uint64_t{32} << 20;
constexpr std::uint64_t k_resident_bytes_max = std::uint64_t{256} << 20;
constexpr auto k_look_every = std::chrono::milliseconds(20);
constexpr auto k_first_use = std::chrono::seconds(30);

// Splits the ranges into one block for each reader to take.
std::vector<store::FileRange> blocks_of(const std::vector<store::FileRange>& ranges) {
    std::vector<store::FileRange> blocks;
    for (const auto& range : ranges) {
        for (std::uint64_t at = 0; at < range.bytes; at += k_block_bytes) {
            blocks.push_back({range.offset + at, std::min(k_block_bytes, range.bytes - at),
                              range.file, range.file_offset + at});
        }
    }
    return blocks;
}

}  // namespace

// Without a thread the import reads the pages itself, and they stay resident.
BlobPages::BlobPages(std::shared_ptr<os::Mapping> mapping, std::vector<store::FileRange> ranges,
                     Pages pages, std::unique_ptr<process::LargeBlockScope> large_blocks,
                     std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes)
    : mapping_(std::move(mapping)),
      ranges_(std::move(ranges)),
      large_blocks_(std::move(large_blocks)),
      pages_(pages),
      resident_before_(os::read_memory_info().file_rss_bytes),
      shared_bytes_(std::move(shared_bytes)) {
    const bool reads = thread_.start([this](const std::stop_token& stop) { run(stop); });
    if (!reads) reading_.set_value();
}

void BlobPages::run(const std::stop_token& stop) {
    read_through(stop);
    const auto until = std::chrono::steady_clock::now() + k_first_use;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
        wake.wait_for(lock, stop, k_look_every, [] { return false; });
        drop_if_many();
    }
    large_blocks_.reset();
}

void BlobPages::read_through(const std::stop_token& stop) {
    // Also set if there is too little memory to read on.
    const std::unique_ptr<std::promise<void>, void (*)(std::promise<void>*)> finally(
        &reading_, [](std::promise<void>* reading) { reading->set_value(); });
    const auto blocks = blocks_of(ranges_);
    const auto read_block = [&](std::uint64_t number) -> Result<void> {
        const auto& block = blocks[number];
        const auto own = block.file->reopen();
        auto& file = own ? **own : *block.file;
        for (std::uint64_t at = 0; at < block.bytes && !stop.stop_requested();
             at += k_read_ahead_bytes) {
            const auto bytes = std::min(k_read_ahead_bytes, block.bytes - at);
            if (!mapping_->is_cached(block.offset + at, bytes)) {
                file.read_ahead(block.file_offset + at, bytes);
            }
            drop_if_many();
        }
        return {};
    };
    (void)parallel_for(blocks.size(), reader_threads(), read_block);
    ranges_.clear();
}

void BlobPages::drop_if_many() const {
    const auto resident_max = std::clamp<std::uint64_t>(mapping_->bytes().size() / k_resident_part,
                                                        k_resident_bytes_min, k_resident_bytes_max);
    const auto others = resident_before_ + (shared_bytes_ ? shared_bytes_->load() : 0);
    if (pages_ == Pages::drop && os::read_memory_info().file_rss_bytes > others + resident_max) {
        mapping_->drop_resident();
    }
}

}  // namespace larder::internal::cache
