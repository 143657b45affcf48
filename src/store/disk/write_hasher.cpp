#include "store/disk/write_hasher.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace larder::internal::store {
namespace {

// For fewer bytes, starting a thread costs more than it gains.
constexpr std::uint64_t k_followed_bytes_min = std::uint64_t{16} << 20;
// The chunks must fit into memory, even of a sparse file.
constexpr std::uint64_t k_followed_chunks_max = std::uint64_t{1} << 20;
// The disk is asked to write once for so many chunks.
constexpr std::uint64_t k_chunks_of_a_sync = 8;

}  // namespace

void WriteHasher::note(std::uint64_t offset, std::uint64_t size_bytes) noexcept {
    if (size_bytes == 0) return;
    const std::scoped_lock lock(mutex_);
    if (has_given_up_) return;
    try {
        note_chunks(offset, size_bytes);
    } catch (const std::bad_alloc&) {
        give_up();
    }
}

void WriteHasher::note_chunks(std::uint64_t offset, std::uint64_t size_bytes) {
    const auto end = offset + size_bytes;
    const auto last = (end - 1) / k_chunk_size_bytes;
    if (last >= k_followed_chunks_max) return give_up();
    if (chunks_.size() <= last) chunks_.resize(last + 1);
    for (auto number = offset / k_chunk_size_bytes; number <= last; ++number) {
        auto& chunk = chunks_[number];
        const auto begin = number * k_chunk_size_bytes;
        chunk.written_bytes += std::min(end, begin + k_chunk_size_bytes) - std::max(offset, begin);
        ++chunk.writes;
        chunk.digest.reset();
        if (chunk.is_taken || chunk.written_bytes < k_chunk_size_bytes) continue;
        complete_.push_back(number);
        chunk.is_taken = true;
    }
    written_bytes_ += size_bytes;
    if (written_bytes_ < k_followed_bytes_min || complete_.empty()) return;
    if (!is_started_) {
        is_started_ = true;
        if (!thread_.start([this](const std::stop_token& stop) { hash(stop); })) give_up();
    }
    is_ready_.notify_one();
}

// Later writes are not recorded, so that nothing that is known now may be used.
void WriteHasher::give_up() noexcept {
    has_given_up_ = true;
    chunks_.clear();
    complete_.clear();
}

void WriteHasher::hash(const std::stop_token& stop) {
    os::name_thread("larder-hash");
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(k_chunk_size_bytes);
    const std::span bytes(buffer.get(), k_chunk_size_bytes);
    std::uint64_t count = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
        static_cast<void>(is_ready_.wait(lock, stop, [this] { return !complete_.empty(); }));
        if (stop.stop_requested()) return;
        const auto number = complete_.front();
        complete_.pop_front();
        const auto writes = chunks_[number].writes;
        lock.unlock();
        // A fault of the disk shows again when the rest is hashed.
        if (!file_.read_at(number * k_chunk_size_bytes, bytes)) return;
        const auto digest = hash_bytes(bytes);
        if (++count % k_chunks_of_a_sync == 0) file_.begin_sync();
        lock.lock();
        if (has_given_up_) return;
        if (chunks_[number].writes == writes) chunks_[number].digest = digest;
    }
}

KnownChunks WriteHasher::finish() noexcept {
    thread_.stop();
    const std::scoped_lock lock(mutex_);
    KnownChunks known;
    try {
        known.reserve(chunks_.size());
        for (const auto& chunk : chunks_) known.push_back(chunk.digest);
    } catch (const std::bad_alloc&) {
        known.clear();
    }
    return known;
}

}  // namespace larder::internal::store
