// Reads the models that are likely to be requested next.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "os/background_thread.h"
#include "state/state.h"
#include "store/store.h"

namespace larder::internal::cache {

// Holds one plan at a time: first the rest of the blob that is being imported, so that nothing
// delays it, then the models that follow, one after the other. Does not verify what it reads:
// hashing would take the cores that the import needs. Its thread runs only while there is something
// to read, changes nothing and uses neither log nor database. Only its destructor waits for it, for
// a few megabytes at most. Thread-safe. In a child made by fork after a thread was started it does
// nothing.
class ReadAhead {
public:
    struct Imported {
        Digest object;
        // Valid if the blob is read elsewhere: ready once that is done.
        std::shared_future<void> read{};
    };
    struct Plan {
        std::shared_ptr<store::Store> store;
        std::optional<Imported> first;
        std::vector<state::Follower> next;
    };
    using AvailableMemory = std::function<std::uint64_t()>;

    explicit ReadAhead(AvailableMemory available) : available_(std::move(available)) {}
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;
    ~ReadAhead() = default;

    [[nodiscard]] bool is_usable() const noexcept;

    // To be called at a request for `key`, which reads its own bytes: stops all reading. Returns
    // the rest of the plan.
    [[nodiscard]] std::vector<state::Follower> interrupt(const format::Key& key);
    // Replaces the plan. Each key is read once in the life of this object.
    void begin(Plan plan);

private:
    void run(const std::stop_token& stop);
    // Both return early once the plan's number is not `number`.
    void read_first(store::Store& store, const Imported& first, std::uint64_t number,
                    const std::stop_token& stop);
    void read_next(store::Store& store, const state::Follower& next, std::uint64_t number,
                   const std::stop_token& stop);
    [[nodiscard]] bool is_current(std::uint64_t number, const std::stop_token& stop) const;
    [[nodiscard]] std::uint64_t bytes_allowed() const;

    AvailableMemory available_;
    std::atomic<std::int64_t> thread_of_{0};  // the process that has started a thread
    std::atomic<std::uint64_t> number_{0};    // of the present plan
    mutable std::mutex mutex_;
    Plan plan_;
    // The bytes read for keys that have not been requested yet.
    std::map<format::Key, std::uint64_t> read_;
    bool running_ = false;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
