#include "process/block_record.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

#include <pthread.h>
#include <sys/mman.h>

#include "os/page_size.h"
#include "process/thread_mark.h"

namespace larder::internal::process {
namespace {

// Replaced in a child made by fork: the old one stays as its parent's threads left it.
constinit std::atomic<BlockRecord*> current{nullptr};

// glibc describes a block in the two words before it: the second holds its size and, in the three
// lowest bits, its kind; for a block with a mapping of its own the first holds the offset of the
// description in the mapping. `free` uses this to unmap it (malloc/malloc.c, munmap_chunk).
bool has_own_mapping(const void* block, std::size_t size_bytes) {
    constexpr std::size_t k_own_mapping = 2;
    constexpr std::size_t k_kinds = 7;
    const auto* const words = static_cast<const std::size_t*>(block);
    const auto before = words[-2];
    const auto kind = words[-1] & k_kinds;
    const auto size = words[-1] & ~k_kinds;
    const auto description = reinterpret_cast<std::uintptr_t>(block) - 2 * sizeof(std::size_t);
    const auto page = os::page_bytes();
    return (kind & k_own_mapping) != 0 && before < description &&
           (description - before) % page == 0 && (before + size) % page == 0 &&
           size >= size_bytes + 2 * sizeof(std::size_t);
}

// A block may be gone without a call of the library's own `free`.
bool is_mapped(std::span<const std::byte> pages) {
    auto* const begin = const_cast<std::byte*>(pages.data());
    return ::msync(begin, pages.size(), MS_ASYNC) == 0;
}

}  // namespace

BlockRecord& BlockRecord::instance() {
    auto* record = current.load();
    if (record != nullptr) return *record;
    static std::once_flag once;
    std::call_once(once, [] {
        current.store(new BlockRecord);
        // The forking thread holds the lock, so that the child's copy of the heap is consistent.
        ::pthread_atfork([] { current.load()->mutex_.lock(); },
                         [] { current.load()->mutex_.unlock(); },
                         [] {
                             // A thread of the parent may be using a block of the old record.
                             current.load()->mutex_.unlock();
                             current.store(new BlockRecord);
                         });
    });
    return *current.load();
}

void BlockRecord::open() {
    const std::scoped_lock lock(mutex_);
    ++scopes_;
}

void BlockRecord::close() {
    const std::scoped_lock lock(mutex_);
    // The parent of this process opened it.
    if (scopes_ == 0) return;
    if (--scopes_ == 0) blocks_.clear();
}

void BlockRecord::note(void* block, std::size_t size_bytes) {
    const auto whole = size_bytes / os::page_bytes() * os::page_bytes();
    if (whole < k_block_bytes_min || !has_own_mapping(block, size_bytes)) return;
    const std::scoped_lock lock(mutex_);
    if (scopes_ == 0) return;
    try {
        // A block that was here before, and was freed in another way, may still be in use.
        auto& noted = blocks_[static_cast<std::byte*>(block)];
        noted.page_bytes = whole;
        noted.number = ++noted_;
        noted.mark = current_thread_mark();
    } catch (const std::bad_alloc&) {
        // The calling function is C, and must not throw: this block is not recorded.
        return;
    }
}

void BlockRecord::forget(void* block) {
    // All recorded blocks begin at a multiple of this.
    if (reinterpret_cast<std::uintptr_t>(block) % k_alignment != 0) return;
    auto* const begin = static_cast<std::byte*>(block);
    std::unique_lock lock(mutex_);
    unused_.wait(lock, [&] {
        const auto found = blocks_.find(begin);
        return found == blocks_.end() || !found->second.is_in_use;
    });
    blocks_.erase(begin);
}

std::vector<std::span<std::byte>> BlockRecord::blocks() {
    const std::scoped_lock lock(mutex_);
    std::vector<std::span<std::byte>> all;
    all.reserve(blocks_.size());
    for (const auto& [begin, block] : blocks_) {
        all.emplace_back(const_cast<std::byte*>(begin), block.page_bytes);
    }
    return all;
}

std::uint64_t BlockRecord::number_of(std::span<const std::byte> pages) {
    const std::scoped_lock lock(mutex_);
    const auto found = blocks_.find(pages.data());
    return found == blocks_.end() ? 0 : found->second.number;
}

std::uint64_t BlockRecord::mark_of(std::span<const std::byte> pages) {
    const std::scoped_lock lock(mutex_);
    const auto found = blocks_.find(pages.data());
    return found == blocks_.end() ? 0 : found->second.mark;
}

std::uint64_t BlockRecord::last_number() {
    const std::scoped_lock lock(mutex_);
    return noted_;
}

bool BlockRecord::with(std::span<std::byte> pages, const std::function<void()>& use) {
    std::unique_lock lock(mutex_);
    const auto found = blocks_.find(pages.data());
    if (found == blocks_.end() || found->second.page_bytes != pages.size()) return false;
    if (found->second.is_in_use || !is_mapped(pages)) return false;
    found->second.is_in_use = true;
    // Also if `use` throws: a thread that waits to free the block would wait for ever.
    const auto leave = [&](std::unique_lock<std::mutex>* held) {
        held->lock();
        found->second.is_in_use = false;
        unused_.notify_all();
    };
    const std::unique_ptr<std::unique_lock<std::mutex>, decltype(leave)> finally(&lock, leave);
    lock.unlock();
    use();
    return true;
}

}  // namespace larder::internal::process
