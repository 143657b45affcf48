// Publishes the memory that a model was unpacked into, without making a load wait for the disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/log.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/store.h"

namespace larder::internal::cache {

// Work that continues after a load, on a thread of its own. Thread-safe.
class BackgroundJob {
public:
    using Time = std::chrono::steady_clock::time_point;

    BackgroundJob() = default;
    BackgroundJob(const BackgroundJob&) = delete;
    BackgroundJob& operator=(const BackgroundJob&) = delete;
    virtual ~BackgroundJob() = default;

    // To be called once. An exception ends the job, and nothing else.
    void run();
    // True if the job has ended, false if `limit` is reached first.
    [[nodiscard]] bool wait_until_over(Time limit);

protected:
    virtual void work() = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_over_ = false;
};

// Memory that becomes a part of an entry.
struct KeptBlock {
    std::string name;
    Digest object;
    std::span<const std::byte> pages;
};

// One publication. It reads blocks piece by piece until it is told to stop, and from then on reads
// only the files that it has written.
class KeepJob final : public BackgroundJob {
public:
    // Releases `compile_lock` at the end. `log` must outlive the job.
    KeepJob(Log& log, std::shared_ptr<store::Store> store, store::CompileLock compile_lock,
            store::Publication publication, std::vector<KeptBlock> blocks);

    // Waits until all blocks are read, at most until `limit`.
    void wait_until_read(Time limit);
    // No block is read any more once this returns; it waits for one small copy at most. Blocks that
    // were not read completely are left out.
    void stop_reading();

private:
    void work() override;
    [[nodiscard]] Result<void> copy(const KeptBlock& block, store::StagedFile& file);

    Log& log_;
    std::shared_ptr<store::Store> store_;
    std::optional<store::CompileLock> compile_lock_;
    store::Publication publication_;
    const std::vector<KeptBlock> blocks_;
    std::mutex reading_;  // held while a piece is copied
    bool may_read_ = true;
    bool has_read_ = false;  // guarded by mutex_
};

// Memory that was mapped from files which this or another process is publishing. If a file is not
// published because writing it failed, the kernel keeps its content only until it needs the memory:
// before that the process gets private copies of the pages.
class SettleJob final : public BackgroundJob {
public:
    struct Mapped {
        std::shared_ptr<os::File> file;
        std::span<std::byte> pages;
        Digest object;
    };

    // `log` and `fs` must outlive the job.
    SettleJob(Log& log, os::FileSystem& fs, std::shared_ptr<store::Store> store,
              std::vector<Mapped> mapped)
        : log_(log), fs_(fs), store_(std::move(store)), mapped_(std::move(mapped)) {}

    // Called in place of `run` if there is no thread: makes pages private without waiting.
    void make_all_private() noexcept;

private:
    void work() override;
    [[nodiscard]] Result<void> wait_until_published(const Mapped& mapped, Time limit) const;
    void make_private(const Mapped& mapped) const;

    Log& log_;
    os::FileSystem& fs_;
    std::shared_ptr<store::Store> store_;
    std::vector<Mapped> mapped_;
};

// All jobs of one session. Thread-safe.
class Keeping {
public:
    Keeping() = default;
    Keeping(const Keeping&) = delete;
    Keeping& operator=(const Keeping&) = delete;
    // Waits for all jobs.
    ~Keeping();

    // False if no thread could be started.
    [[nodiscard]] bool start(const std::shared_ptr<BackgroundJob>& job);

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<BackgroundJob>> jobs_;
};

}  // namespace larder::internal::cache
