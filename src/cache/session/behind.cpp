#include "cache/session/behind.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include "os/background_thread.h"
#include "os/detached_thread.h"
#include "os/end_in_time.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_thread_name = "larder-publish";
// On a busy machine a thread of low priority may wait long for the processor.
constexpr std::chrono::seconds k_delay_min{2};
constexpr std::chrono::seconds k_delay_max{10};
constexpr std::chrono::hours k_wait_again{1};

}  // namespace

PublishJob::PublishJob(std::shared_ptr<store::Store> store, store::CompileLock compile_lock,
                       store::Publication publication, std::chrono::nanoseconds compile_time)
    : store_(std::move(store)),
      key_(publication.manifest.key),
      compile_lock_(std::move(compile_lock)),
      publication_(std::move(publication)),
      delay_max_(std::clamp<std::chrono::nanoseconds>(compile_time, k_delay_min, k_delay_max)),
      result_(fail(Errc::busy, "the program ended before it was published")) {}

void PublishJob::work() {
    // Released in this order: the written file, then the lock that others wait for.
    const auto compile_lock = std::exchange(compile_lock_, std::nullopt);
    const auto publication = std::exchange(publication_, std::nullopt);
    if (is_cancelled_) return;
    try {
        result_ = store_->publish(*publication);
        // If this fails, the entry is sent by nobody: it can be pushed by hand.
        if (result_ && tiers_) static_cast<void>(tiers_->send(store_->id(), key_));
    } catch (const std::bad_alloc&) {
        result_ = fail(Error::from_errno("cannot store a model in", store_->directory(), ENOMEM));
    }
}

class Behind::Queue final : public std::enable_shared_from_this<Behind::Queue> {
public:
    bool start(const std::shared_ptr<PublishJob>& job) {
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

    void wait_for(const format::Key& key, BackgroundJob::Time limit) {
        for (const auto& job : all()) {
            if (job->key() == key) static_cast<void>(job->wait_until_over(limit));
        }
    }

    bool end() {
        const auto jobs = stop();
        auto delay = std::chrono::nanoseconds{0};
        for (const auto& job : jobs) delay = std::max(delay, job->delay_max());
        const auto limit = std::chrono::steady_clock::now() + delay;
        bool are_over = true;
        for (const auto& job : jobs) are_over = job->wait_until_over(limit) && are_over;
        for (const auto& job : jobs) job->cancel();
        return are_over;
    }

    void cancel_all() {
        for (const auto& job : stop()) job->cancel();
    }

    Jobs take_failed() {
        const std::lock_guard lock(mutex_);
        return std::exchange(failed_, {});
    }

private:
    Jobs all() {
        const std::lock_guard lock(mutex_);
        return {jobs_.begin(), jobs_.end()};
    }

    Jobs stop() {
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
            if (!job->result()) failed_.push_back(job);
        }
    }

    // The job stays in the queue until it is over.
    std::shared_ptr<PublishJob> next() {
        const std::lock_guard lock(mutex_);
        is_running_ = !jobs_.empty();
        return is_running_ ? jobs_.front() : nullptr;
    }

    std::mutex mutex_;
    std::deque<std::shared_ptr<PublishJob>> jobs_;
    Jobs failed_;
    bool is_running_ = false;
    bool has_ended_ = false;
};

Behind::Behind() : queue_(std::make_shared<Queue>()) {}

Behind::~Behind() {
    queue_->cancel_all();
    queue_->wait_for_all();
}

bool Behind::start(const std::shared_ptr<PublishJob>& job) { return queue_->start(job); }

void Behind::wait() { queue_->wait_for_all(); }

void Behind::wait_for(const format::Key& key, std::chrono::nanoseconds timeout) {
    const auto wait = std::min<std::chrono::nanoseconds>(timeout, k_wait_again);
    queue_->wait_for(key, std::chrono::steady_clock::now() + wait);
}

bool Behind::end() noexcept {
    try {
        return queue_->end();
    } catch (const std::exception&) {  // no memory to wait
        return false;
    }
}

Behind::Jobs Behind::take_failed() { return queue_->take_failed(); }

}  // namespace larder::internal::cache
