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
#include "store/objects/trials.h"

namespace larder::internal::cache {

// A running trial, shared by the blob's owner and the watch: the first of them to end it counts.
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
    // The process survived: the object is proven. Later calls do nothing. Thread-safe.
    void end();
    // The object was not used after all: it is neither proven nor to blame.
    void withdraw();
    // Starts another trial of the same object, after a withdrawal.
    void renew(store::Trial trial);

private:
    std::mutex mutex_;
    std::optional<store::Trial> trial_;
    std::function<void()> proven_;
};

// Ends trials whose blob has been in use for a while without crashing the process. Its thread runs
// only while there are such trials. Thread-safe.
class TrialWatch {
public:
    // How long the first use of a blob is on trial.
    static constexpr std::chrono::seconds k_first_use{30};

    TrialWatch() = default;
    TrialWatch(const TrialWatch&) = delete;
    TrialWatch& operator=(const TrialWatch&) = delete;
    // Ends every trial: the process continues, or exits normally.
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
