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

    // Until every block was read, or all is over; no longer than until `limit`.
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
    std::size_t unread_;
};

// Memory that was mapped from files which are not on the disk yet. Where one cannot be written
// there, the process gets pages of its own, before the system drops the file's.
class SettleJob final : public BackgroundJob {
public:
    struct Mapped {
        std::shared_ptr<os::File> file;
        std::span<std::byte> pages;
    };

    // `log` and `fs` must outlive the job.
    SettleJob(Log& log, os::FileSystem& fs, std::vector<Mapped> mapped)
        : log_(log), fs_(fs), mapped_(std::move(mapped)) {}

private:
    void work() override;

    Log& log_;
    os::FileSystem& fs_;
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
