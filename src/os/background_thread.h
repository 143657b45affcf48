// A thread of larder's own inside the program that uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>

namespace larder::internal::os {

// Stopped and joined by its destructor; in a child made by fork, where the thread does not exist,
// the destructor does nothing. Not thread-safe.
class BackgroundThread {
public:
    BackgroundThread() = default;
    BackgroundThread(const BackgroundThread&) = delete;
    BackgroundThread& operator=(const BackgroundThread&) = delete;
    ~BackgroundThread();

    // Runs `work`, after an earlier one has ended, on a thread that receives none of the program's
    // signals. False if no thread could be started. An exception ends `work`, and nothing else.
    bool start(std::function<void(const std::stop_token&)> work);
    // Returns once the thread has ended; at once in a child made by fork.
    void stop() noexcept;
    // False in a child made by fork: objects that the thread may hold must not be touched there.
    [[nodiscard]] bool is_ours() const noexcept;

private:
    std::unique_ptr<std::jthread> thread_;
    std::int64_t started_by_ = 0;  // process id
};

// Lowers the calling thread's priority below that of the program's threads.
void lower_priority() noexcept;
// Names the calling thread, as `ps -L` shows it; at most 15 characters.
void name_thread(const char* name) noexcept;

}  // namespace larder::internal::os
