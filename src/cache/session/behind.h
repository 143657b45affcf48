// Publishes blobs behind the program, which has its model by then.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cache/session/keeping.h"
#include "cache/tiers/tiers.h"
#include "format/manifest.h"
#include "store/publish/publish.h"
#include "store/store.h"

namespace larder::internal::cache {

// Makes one written blob durable and names it.
class PublishJob final : public BackgroundJob {
public:
    // The sources of `publication` are written. Releases `compile_lock` at the end.
    PublishJob(std::shared_ptr<store::Store> store, store::CompileLock compile_lock,
               store::Publication publication, std::chrono::nanoseconds compile_time);

    [[nodiscard]] const format::Key& key() const { return key_; }

    // Has the entry sent by `tiers` once it is published. To be called before the job is started.
    void send_by(std::shared_ptr<const Tiers> tiers) { tiers_ = std::move(tiers); }

    // How long the program's end may wait for this job: the compile time that a later start saves,
    // at least 2 s and at most 10 s.
    [[nodiscard]] std::chrono::nanoseconds delay_max() const { return delay_max_; }
    // If publishing has not begun, nothing is published.
    void cancel() noexcept { is_cancelled_ = true; }
    // To be called once the job is over.
    [[nodiscard]] Result<format::Manifest> result() const { return result_; }
    [[nodiscard]] const std::shared_ptr<store::Store>& store() const { return store_; }

private:
    void work() override;

    std::shared_ptr<store::Store> store_;
    const format::Key key_;
    std::optional<store::CompileLock> compile_lock_;
    std::optional<store::Publication> publication_;
    const std::chrono::nanoseconds delay_max_;
    std::shared_ptr<const Tiers> tiers_;
    std::atomic<bool> is_cancelled_{false};
    Result<format::Manifest> result_;
};

// All such jobs of one session, in the process that made it: one after the other, on one thread of
// low priority that exists only while there are jobs. Thread-safe.
class Behind {
public:
    using Jobs = std::vector<std::shared_ptr<PublishJob>>;

    Behind();
    Behind(const Behind&) = delete;
    Behind& operator=(const Behind&) = delete;
    // Cancels the jobs and waits for the one that runs.
    ~Behind();

    // False if no thread could be started, or the session ends: the caller then runs the job.
    [[nodiscard]] bool start(const std::shared_ptr<PublishJob>& job);
    // Waits until all jobs are over that were started before.
    void wait();
    // The same for those of one key, at most for `timeout`.
    void wait_for(const format::Key& key, std::chrono::nanoseconds timeout);
    // Starts no job any more. Waits for the others for the longest of their PublishJob::delay_max,
    // and cancels those that are not over then. False if there are any.
    bool end() noexcept;
    // Returns the jobs that failed since the last call.
    [[nodiscard]] Jobs take_failed();

private:
    // The thread may outlive this.
    class Queue;
    std::shared_ptr<Queue> queue_;
};

}  // namespace larder::internal::cache
