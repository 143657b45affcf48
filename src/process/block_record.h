// Records the large blocks that a library has allocated and not yet freed. Private to os/.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <vector>

namespace larder::internal::process {

// One for the whole process. Thread-safe, also within an allocation. A child made by fork begins
// with an empty one.
class BlockRecord {
public:
    // Smaller blocks are not worth a mapping and a file of their own. This is half a huge page:
    // layers of small models have matrices of this size.
    static constexpr std::size_t k_block_bytes_min = std::size_t{1} << 20;
    // With this alignment the C library gives every block a mapping of its own: otherwise glibc
    // takes blocks up to a size that grows to 32 MiB from its heap. Pages in the heap must not be
    // replaced: glibc expects freed pages that it returned to the system to read as zeros. A block
    // with this alignment also begins at a huge page.
    static constexpr std::size_t k_alignment = std::size_t{32} << 20;

    static BlockRecord& instance();
    BlockRecord(const BlockRecord&) = delete;
    BlockRecord& operator=(const BlockRecord&) = delete;
    ~BlockRecord() = delete;

    // Records only while it is open; forgets everything at the last close.
    void open();
    void close();

    // Call this after an allocation with k_alignment. Records only blocks with a mapping of their
    // own.
    void note(void* block, std::size_t size_bytes);
    // Call this before a block is freed. Waits while the block is in use.
    void forget(void* block);

    // The whole pages of each block, ordered by address.
    [[nodiscard]] std::vector<std::span<std::byte>> blocks();
    // A number that grows with each allocation, and so differs from that of a later block in the
    // same place; 0 if the block was freed.
    [[nodiscard]] std::uint64_t number_of(std::span<const std::byte> pages);
    // The number of the latest block.
    [[nodiscard]] std::uint64_t last_number();
    // The mark of the thread that allocated it (process/thread_mark.h); 0 if it has none, or was
    // freed.
    [[nodiscard]] std::uint64_t mark_of(std::span<const std::byte> pages);
    // Calls `use` with `pages`, which blocks() returned; the block is not freed meanwhile. Returns
    // false, without a call, if the block was freed since, or another thread is using it.
    [[nodiscard]] bool with(std::span<std::byte> pages, const std::function<void()>& use);

private:
    struct Block {
        std::size_t page_bytes = 0;  // of the block's whole pages
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

}  // namespace larder::internal::process
