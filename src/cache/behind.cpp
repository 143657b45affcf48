#include "cache/behind.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <mutex>
#include <vector>

#include "cache/keep_behind.h"
#include "os/background_thread.h"
#include "os/detached_thread.h"
#include "os/process_end.h"

namespace larder::internal::cache {
namespace {

using Time = BackgroundJob::Time;

constexpr const char* k_thread_name = "larder-keep";
constexpr std::chrono::hours k_wait_again{1};
// A cancelled job goes on with one constant of its model, or writes the text of its graph.
constexpr std::chrono::seconds k_export_end_max{30};

}  // namespace

class Behind::Queue final : public os::EndsWithProcess,
                            public std::enable_shared_from_this<Behind::Queue> {
public:
    bool start(const std::shared_ptr<KeepBehind>& job) {
        // Asked each time: the process may have been told of its end since.
        if (!os::end_with_process(weak_from_this())) return false;
        const std::lock_guard lock(mutex_);
        if (has_ended_) return false;
        jobs_.push_back(job);
        if (is_running_) return true;
        is_running_ = os::start_detached([queue = shared_from_this()] { queue->run(); });
        if (!is_running_) jobs_.pop_back();
        return is_running_;
    }

    void wait_for_all() {
        for (const auto& job : all()) {
            while (!job->wait_until_over(std::chrono::steady_clock::now() + k_wait_again)) {
            }
        }
    }

    void end_with_process() noexcept override {
        try {
            const auto jobs = stop();
            auto delay = std::chrono::nanoseconds{0};
            for (const auto& job : jobs) delay = std::max(delay, job->delay_max());
            const auto start = std::chrono::steady_clock::now();
            for (const auto& job : jobs) {
                static_cast<void>(job->wait_until_over(start + delay));
            }
            for (const auto& job : jobs) job->cancel();
            const auto limit = std::chrono::steady_clock::now() + k_export_end_max;
            for (const auto& job : jobs) static_cast<void>(job->wait_until_exported(limit));
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no memory; see below
        }
    }

    // Nothing more is exported.
    void cancel_all() {
        for (const auto& job : stop()) job->cancel();
    }

private:
    std::vector<std::shared_ptr<KeepBehind>> all() {
        const std::lock_guard lock(mutex_);
        return {jobs_.begin(), jobs_.end()};
    }

    std::vector<std::shared_ptr<KeepBehind>> stop() {
        const std::lock_guard lock(mutex_);
        has_ended_ = true;
        return {jobs_.begin(), jobs_.end()};
    }

    void run() {
        os::name_thread(k_thread_name);
        os::lower_priority();
        while (const auto job = next()) {
            job->run();
            const std::lock_guard lock(mutex_);
            jobs_.pop_front();
        }
    }

    // Stays in the queue until it is over.
    std::shared_ptr<KeepBehind> next() {
        const std::lock_guard lock(mutex_);
        is_running_ = !jobs_.empty();
        return is_running_ ? jobs_.front() : nullptr;
    }

    std::mutex mutex_;
    std::deque<std::shared_ptr<KeepBehind>> jobs_;
    bool is_running_ = false;
    bool has_ended_ = false;
};

Behind::Behind() : queue_(std::make_shared<Queue>()) {}

Behind::~Behind() {
    queue_->cancel_all();
    queue_->wait_for_all();
}

bool Behind::is_possible() { return os::watch_process_end(); }

bool Behind::start(const std::shared_ptr<KeepBehind>& job) { return queue_->start(job); }

void Behind::wait() { queue_->wait_for_all(); }

void Behind::end() noexcept { queue_->end_with_process(); }

}  // namespace larder::internal::cache
