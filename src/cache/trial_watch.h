#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "os/background_thread.h"
#include "store/trials.h"

namespace larder::internal::cache {

// A trial that is under way, shared by the blob's owner and the watch: whichever ends it first.
class OpenTrial {
public:
    // `proven` is called once, when the trial ends.
    OpenTrial(store::Trial trial, std::function<void()> proven)
        : trial_(std::move(trial)), proven_(std::move(proven)) {}
    OpenTrial(const OpenTrial&) = delete;
    OpenTrial& operator=(const OpenTrial&) = delete;
    ~OpenTrial() = default;

    // The object is loaded; see store::Trial. Thread-safe.
    void note_loaded();
    // The process survived: the object is proven. Does nothing the second time. Thread-safe.
    void end();
    // The object was not used after all: nothing is proven, and nobody is to blame.
    void withdraw();
    // Another trial of the same object, after a withdrawal.
    void renew(store::Trial trial);

private:
    std::mutex mutex_;
    std::optional<store::Trial> trial_;
    std::function<void()> proven_;
};

// Ends trials whose blob was in use for a while without taking the process down. Its thread runs
// only while there are such trials. Thread-safe.
class TrialWatch {
public:
    // How long the first use of a blob stays under suspicion.
    static constexpr std::chrono::seconds k_first_use{30};

    TrialWatch() = default;
    TrialWatch(const TrialWatch&) = delete;
    TrialWatch& operator=(const TrialWatch&) = delete;
    // Ends every trial: the process goes on, or ends as it should.
    ~TrialWatch();

    void watch(std::shared_ptr<OpenTrial> trial);

private:
    using Time = std::chrono::steady_clock::time_point;

    void run(const std::stop_token& stop);

    struct Watched {
        Time until;
        std::shared_ptr<OpenTrial> trial;
    };
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::vector<Watched> watched_;  // in the order of `until`
    bool running_ = false;
    os::BackgroundThread thread_;
};

}  // namespace larder::internal::cache
