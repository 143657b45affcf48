// Publishing what a model was unpacked into, without a load having to wait for the disk.
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

// Work that goes on behind a load, on a thread of its own. Thread-safe.
class BackgroundJob {
public:
    using Time = std::chrono::steady_clock::time_point;

    BackgroundJob() = default;
    BackgroundJob(const BackgroundJob&) = delete;
    BackgroundJob& operator=(const BackgroundJob&) = delete;
    virtual ~BackgroundJob() = default;

    // Once. Whatever it throws ends it, and nothing else.
    void run();
    // True once it has ended; false at `limit`.
    [[nodiscard]] bool wait_until_over(Time limit);

protected:
    virtual void work() = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_over_ = false;
};

// Memory that is to become a part of an entry.
struct KeptBlock {
    std::string name;
    Digest object;
    std::span<const std::byte> pages;
};

// One publication. It reads blocks until it is told to stop, piece by piece, and from then on only
// the files that it made of them.
class KeepJob final : public BackgroundJob {
public:
    // `flight` is let go of at the end. `log` must outlive the job.
    KeepJob(Log& log, std::shared_ptr<store::Store> store, store::Flight flight,
            store::Publication publication, std::vector<KeptBlock> blocks);

    // Until no block is read any more; no longer than until `limit`.
    void wait_until_read(Time limit);
    // The blocks are no longer looked at once this returns, which waits for one small copy at most.
    // A block that was not read to its end is left out.
    void stop_reading();

private:
    void work() override;
    [[nodiscard]] Result<void> copy(const KeptBlock& block, store::StagedFile& file);

    Log& log_;
    std::shared_ptr<store::Store> store_;
    std::optional<store::Flight> flight_;
    store::Publication publication_;
    const std::vector<KeptBlock> blocks_;
    std::mutex reading_;  // held while a piece is copied
    bool may_read_ = true;
    bool has_read_ = false;  // under mutex_
};

// Memory that was mapped from files which others, or this process, are publishing. A file that is
// not published, because the disk did not take it, keeps its content only until the system needs
// the memory: before that the process gets pages of its own in its place.
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

    // In place of `run`, where there is no thread: waits for nobody.
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

// All of one session. Thread-safe.
class Keeping {
public:
    Keeping() = default;
    Keeping(const Keeping&) = delete;
    Keeping& operator=(const Keeping&) = delete;
    // Waits for all of them.
    ~Keeping();

    // False where no thread is to be had.
    [[nodiscard]] bool start(const std::shared_ptr<BackgroundJob>& job);

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<BackgroundJob>> jobs_;
};

}  // namespace larder::internal::cache
