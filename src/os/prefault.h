// Brings fresh memory in before it is filled: taken one by one, its page faults cost more than the
// filling itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace larder::internal::os {

// In which pages memory is to be asked for next. Huge ones take a tenth of the time of the small
// ones in their place where memory is at hand, and several times as long where it first has to be
// found: a guest whose host takes free memory back, a kernel that has to compact. So what they took
// decides, and where they were slow they are tried again, ever more seldom. Thread-safe.
class PageChoice {
public:
    enum class Pages {
        huge,
        small,
        probe,  // one huge page, to see
    };
    // For the next `size_bytes`.
    [[nodiscard]] Pages next(std::uint64_t size_bytes) noexcept;
    // What a piece in huge pages took. True if that is quick.
    bool note(std::uint64_t size_bytes, std::int64_t took_ns) noexcept;

private:
    std::atomic<bool> quick_{false};
    std::atomic<std::int64_t> small_bytes_left_{0};
    std::atomic<std::int64_t> pause_bytes_{0};
};

enum class HugePages {
    unavailable,  // the kernel has none, they are switched off, or it does not say
    on_request,   // where madvise asks for them
    always,       // everywhere
};
// What this process may expect of transparent huge pages.
[[nodiscard]] HugePages transparent_huge_pages();

// Several threads of larder's own share the work while at least one of these lives.
class PrefaultThreads {
public:
    PrefaultThreads();
    PrefaultThreads(const PrefaultThreads&) = delete;
    PrefaultThreads& operator=(const PrefaultThreads&) = delete;
    ~PrefaultThreads();
};

// Brings in a block that was just allocated, and that nobody else knows yet, with the pages that it
// shares with its neighbours. Changes no byte; fails in silence: what is not brought in is faulted
// in when it is filled. Keeps errno. Any thread, also in a child made by fork.
void prefault(void* block, std::uint64_t size_bytes) noexcept;

}  // namespace larder::internal::os
