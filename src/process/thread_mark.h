// Tells the work for one call from all other work of the process at that time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::process {

// Marks the calling thread while this object lives and, for as long as they run, all threads that
// given libraries start on a marked thread, and all tasks of oneTBB that they run there, on
// whichever thread. Redirects the calls of these libraries for that, in their own import tables,
// and restores them when the last mark ends.
//
// Must end on the thread on which it began. Thread-safe.
class ThreadMark {
public:
    // `libraries` are file names without a version, "libx.so". Calls of `counted`, an imported
    // function that takes up to five pointers and returns nothing, are counted; may be empty.
    ThreadMark(const std::vector<std::string_view>& libraries, std::string_view counted);
    ThreadMark(const ThreadMark&) = delete;
    ThreadMark& operator=(const ThreadMark&) = delete;
    ~ThreadMark();

    // Unique among all marks; not 0.
    [[nodiscard]] std::uint64_t id() const { return id_; }
    // Tells whether another thread has called the counted function since this began; also true if
    // that is unknown.
    [[nodiscard]] bool is_anybody_else_calling() const;

private:
    std::uint64_t id_;
    std::uint64_t before_;  // the thread's former mark
    std::uint64_t calls_before_ = 0;
    std::uint64_t own_calls_before_ = 0;
    bool is_open_ = false;
    bool counts_ = false;
};

// Returns the mark of the task that the calling thread is running; else the latest mark of the
// thread itself; 0 if it has none.
[[nodiscard]] std::uint64_t current_thread_mark() noexcept;

}  // namespace larder::internal::process
