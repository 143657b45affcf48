// Which large blocks a library has allocated and not yet freed. Private to os/.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <vector>

namespace larder::internal::os {

// Of the whole process; there is one. Thread-safe, also within an allocation. A child made by fork
// begins with an empty one.
class BlockRecord {
public:
    // Smaller blocks are not worth a mapping and a file of their own. Half a huge page: layers of
    // small models have matrices of this size.
    static constexpr std::size_t k_block_bytes_min = std::size_t{1} << 20;
    // What to ask the C library for, so that a block gets a mapping of its own whatever its size:
    // glibc takes blocks from its heap up to a size that grows to 32 MiB as blocks are freed. In
    // the heap a page must not be replaced: what is freed there is expected to read as zeros once
    // it was given back to the system. And it begins where a huge page does.
    static constexpr std::size_t k_alignment = std::size_t{32} << 20;

    static BlockRecord& instance();
    BlockRecord(const BlockRecord&) = delete;
    BlockRecord& operator=(const BlockRecord&) = delete;
    ~BlockRecord() = delete;

    // Notes nothing unless somebody has opened it; forgets everything when the last one closes it.
    void open();
    void close();

    // After an allocation with k_alignment. Only what glibc gave a mapping of its own is noted.
    void note(void* block, std::size_t size_bytes);
    // Before it is freed. Waits while it is in use.
    void forget(void* block);

    // The whole pages of each block, in the order of their addresses.
    [[nodiscard]] std::vector<std::span<std::byte>> blocks();
    // Tells an allocation from a later one in the same place, and grows; 0 if it was freed.
    [[nodiscard]] std::uint64_t number_of(std::span<const std::byte> pages);
    // That of the latest.
    [[nodiscard]] std::uint64_t last_number();
    // The mark of the thread that allocated it (os/thread_mark.h); 0 if it has none, or was freed.
    [[nodiscard]] std::uint64_t mark_of(std::span<const std::byte> pages);
    // Calls `use` with `pages`, which blocks() returned, unless that block was freed since, or
    // somebody uses it just now: false then. It is not freed meanwhile.
    [[nodiscard]] bool with(std::span<std::byte> pages, const std::function<void()>& use);

private:
    struct Block {
        std::size_t page_bytes = 0;  // of its whole pages
        bool is_in_use = false;
        std::uint64_t number = 0;
        std::uint64_t mark = 0;
    };

    BlockRecord() = default;

    std::mutex mutex_;
    std::condition_variable unused_;
    int scopes_ = 0;
    std::uint64_t noted_ = 0;
    std::map<const std::byte*, Block> blocks_;
};

}  // namespace larder::internal::os
