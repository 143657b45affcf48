#include "cache/blob_pages.h"

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
// What one reader reads in a row: the kernel reads ahead of an open file, and a disk needs several
// readers. The import follows from the front.
constexpr std::uint64_t k_block_bytes = std::uint64_t{32} << 20;
// A runtime goes over a constant more than once: what is dropped in between is faulted in again.
constexpr std::uint64_t k_resident_part = 8;  // of the blob
constexpr std::uint64_t k_resident_bytes_min = std::uint64_t{32} << 20;
constexpr std::uint64_t k_resident_bytes_max = std::uint64_t{256} << 20;
constexpr auto k_look_every = std::chrono::milliseconds(20);
constexpr auto k_first_use = std::chrono::seconds(30);

}  // namespace

// Without a thread the import reads for itself, and its pages stay.
BlobPages::BlobPages(std::shared_ptr<os::Mapping> mapping, std::shared_ptr<os::File> file,
                     Pages pages, std::unique_ptr<os::LargeBlockScope> large_blocks)
    : mapping_(std::move(mapping)),
      file_(std::move(file)),
      large_blocks_(std::move(large_blocks)),
      pages_(pages),
      resident_before_(os::read_memory_info().file_rss_bytes) {
    const bool reads = thread_.start([this](const std::stop_token& stop) { run(stop); });
    if (!reads) reading_.set_value();
}

void BlobPages::run(const std::stop_token& stop) {
    const auto size = mapping_->bytes().size();
    const auto resident_max =
        std::clamp(size / k_resident_part, k_resident_bytes_min, k_resident_bytes_max);
    const auto drop_if_many = [&] {
        if (pages_ == Pages::drop &&
            os::read_memory_info().file_rss_bytes > resident_before_ + resident_max) {
            mapping_->drop_resident();
        }
    };
    const auto read_block = [&](std::uint64_t number) -> Result<void> {
        const auto begin = number * k_block_bytes;
        const auto end = std::min(size, begin + k_block_bytes);
        const auto own = file_->reopen();
        auto& file = own ? **own : *file_;
        for (auto at = begin; at < end && !stop.stop_requested(); at += k_read_ahead_bytes) {
            const auto bytes = std::min(k_read_ahead_bytes, end - at);
            if (!mapping_->is_cached(at, bytes)) file.read_ahead(at, bytes);
            drop_if_many();
        }
        return {};
    };
    (void)parallel_for((size + k_block_bytes - 1) / k_block_bytes, reader_threads(), read_block);
    file_.reset();
    reading_.set_value();
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

}  // namespace larder::internal::cache
