// Runs verify and repair: long work, one job at a time, which can be ended early.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/json.h"

namespace larder::serve {

// Thread-safe.
class Jobs {
public:
    enum class Verb { verify, repair };

    // `tell` is called from any thread with json() after each change, a few times a second.
    Jobs(const Options& options, std::function<void(const cli::Json&)> tell);
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;
    ~Jobs();  // stops the job

    // Starts the job for these entries, or for all if there are none. False while another runs.
    [[nodiscard]] bool start(Verb verb, const std::vector<std::string>& keys);
    // Ends the running job, and waits for its end.
    void stop();
    void cancel() { cancelled_ = true; }
    // Describes the running or the last job: {"state": "none", "running", "done", "cancelled" or
    // "failed"…}
    [[nodiscard]] cli::Json json();

private:
    void run(Verb verb, const std::vector<std::string>& keys);
    void change(const std::function<void(cli::Json&)>& what);

    Options options_;
    std::function<void(const cli::Json&)> tell_;
    std::mutex mutex_;
    cli::Json json_;
    bool running_ = false;
    std::atomic<bool> cancelled_{false};
    std::thread thread_;
};

}  // namespace larder::serve
