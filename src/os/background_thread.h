// A thread of larder's own inside somebody else's program.
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

    // Runs `work`, after an earlier one has ended. False if no thread is to be had. An exception
    // ends `work`, and nothing else.
    bool start(std::function<void(const std::stop_token&)> work);
    // Returns once the thread has ended; at once where it is not ours.
    void stop() noexcept;
    // False in a child made by fork: nothing that the thread may hold is to be touched.
    [[nodiscard]] bool is_ours() const noexcept;

private:
    std::unique_ptr<std::jthread> thread_;
    std::int64_t started_by_ = 0;  // process id
};

// Makes the calling thread give way to the program's own.
void lower_priority() noexcept;
// What `ps -L` shows for the calling thread; at most 15 characters.
void name_thread(const char* name) noexcept;

}  // namespace larder::internal::os
