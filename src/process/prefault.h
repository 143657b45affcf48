// Prefaults new memory before it is filled: taken one by one, page faults cost more than the
// filling itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace larder::internal::process {

// Decides in which pages to ask for memory next. Huge pages take a tenth of the time of small ones
// if memory is available, and several times as long if it first has to be found: in a guest whose
// host reclaims free memory, or in a kernel that has to compact memory. Therefore the measured time
// decides; after slow ones, huge pages are tried again, less and less often. Thread-safe.
class PageChoice {
public:
    enum class Pages {
        huge,
        small,
        probe,  // one huge page, to measure
    };
    // Returns the choice for the next `size_bytes`.
    [[nodiscard]] Pages next(std::uint64_t size_bytes) noexcept;
    // Records the time that a piece in huge pages took. True if that is fast.
    bool note(std::uint64_t size_bytes, std::int64_t took_ns) noexcept;

private:
    std::atomic<bool> quick_{false};
    std::atomic<std::int64_t> small_bytes_left_{0};
    std::atomic<std::int64_t> pause_bytes_{0};
};

enum class HugePages {
    unavailable,  // the kernel has none, they are switched off, or it does not say
    on_request,   // only after madvise
    always,       // everywhere
};
// Returns how this process gets transparent huge pages.
[[nodiscard]] HugePages transparent_huge_pages();

// While at least one of these lives, several threads of larder's own share the work.
class PrefaultThreads {
public:
    PrefaultThreads();
    PrefaultThreads(const PrefaultThreads&) = delete;
    PrefaultThreads& operator=(const PrefaultThreads&) = delete;
    ~PrefaultThreads();
};

// Prefaults a newly allocated block that no other thread knows yet, including the pages that it
// shares with its neighbours. Changes no byte. Ignores failures: pages that are missing are faulted
// in when the block is filled. Keeps errno. For any thread, also in a child made by fork.
void prefault(void* block, std::uint64_t size_bytes) noexcept;

}  // namespace larder::internal::process
