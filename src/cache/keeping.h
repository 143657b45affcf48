// Publishing what a model was unpacked into, without anybody having to wait for the disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "store/store.h"

namespace larder::internal::cache {

// Memory that is to become a part of an entry.
struct KeptBlock {
    std::string name;
    Digest object;
    std::span<const std::byte> pages;
};

// One publication, on a thread of its own. It reads blocks until it is told to stop, piece by
// piece, and from then on only the files that it made of them. Thread-safe.
class KeepJob {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `flight` is let go of at the end.
    KeepJob(std::shared_ptr<store::Store> store, store::Flight flight,
            store::Publication publication, std::vector<KeptBlock> blocks);

    void run();

    // Until every block was read, or all is over; no longer than until `limit`.
    void wait_until_read(Time limit);
    // What was published; nothing if that failed or is not over by `limit`.
    [[nodiscard]] std::optional<format::Manifest> wait_until_kept(Time limit);
    // The blocks are no longer looked at once this returns, which waits for one small copy at most.
    // A block that was not read to its end is left out.
    void stop_reading();
    // True once nothing is left to be done, or at `limit`.
    [[nodiscard]] bool wait_until_over(Time limit);

private:
    [[nodiscard]] Result<void> copy(const KeptBlock& block, store::StagedFile& file);
    void end(Result<format::Manifest> kept);

    std::shared_ptr<store::Store> store_;
    std::optional<store::Flight> flight_;
    store::Publication publication_;
    const std::vector<KeptBlock> blocks_;
    std::mutex reading_;  // held while a piece is copied
    bool may_read_ = true;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t unread_;
    bool is_over_ = false;
    std::optional<format::Manifest> kept_;
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
    [[nodiscard]] bool start(const std::shared_ptr<KeepJob>& job);

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<KeepJob>> jobs_;
};

}  // namespace larder::internal::cache
