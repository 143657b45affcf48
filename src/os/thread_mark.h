// Tells what is done for one call from what else goes on in the process meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::os {

// Marks the calling thread while it lives, and, for as long as they run, all threads that given
// libraries start on a marked thread. Their calls are redirected for that, in their own tables of
// imports, and put back when the last mark ends.
//
// Ends on the thread that it began on. Thread-safe.
class ThreadMark {
public:
    // `libraries` are file names without a version, "libx.so". Calls of `counted`, an imported
    // function that takes up to five pointers and returns nothing, are counted; may be empty.
    ThreadMark(const std::vector<std::string_view>& libraries, std::string_view counted);
    ThreadMark(const ThreadMark&) = delete;
    ThreadMark& operator=(const ThreadMark&) = delete;
    ~ThreadMark();

    // Never that of another mark; not 0.
    [[nodiscard]] std::uint64_t id() const { return id_; }
    // Whether another thread has called the counted function since this began; also where that
    // cannot be told.
    [[nodiscard]] bool is_anybody_else_calling() const;

private:
    std::uint64_t id_;
    std::uint64_t before_;  // the mark that the thread had
    std::uint64_t calls_before_ = 0;
    std::uint64_t own_calls_before_ = 0;
    bool is_open_ = false;
    bool counts_ = false;
};

// The latest mark of the calling thread; 0 if it has none.
[[nodiscard]] std::uint64_t current_thread_mark() noexcept;

}  // namespace larder::internal::os
