// Reads the models that are likely to be asked for next.
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
#include "store/state.h"
#include "store/store.h"

namespace larder::internal::cache {

// One plan at a time: the blob that is being imported first and to its end, so that nothing delays
// it, then what follows, one after the other. What is read is not verified: hashing would take the
// cores that the import needs. Its thread runs only while there is something to read, changes
// nothing and touches neither log nor database. Nobody ever waits for it, except its destructor for
// a few megabytes. Thread-safe. In a child made by fork after a thread was started it does nothing.
class ReadAhead {
public:
    struct Imported {
        Digest object;
        // Valid where somebody else reads it: ready once that is done.
        std::shared_future<void> read{};
    };
    struct Plan {
        std::shared_ptr<store::Store> store;
        std::optional<Imported> first;
        std::vector<store::Follower> next;
    };
    using AvailableMemory = std::function<std::uint64_t()>;

    explicit ReadAhead(AvailableMemory available) : available_(std::move(available)) {}
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;
    ~ReadAhead() = default;

    [[nodiscard]] bool is_usable() const noexcept;

    // `key` is asked for: its bytes are read by its request, and nothing else now. What is left of
    // the plan.
    [[nodiscard]] std::vector<store::Follower> interrupt(const format::Key& key);
    // Replaces the plan. Each key is read once in the life of this object.
    void begin(Plan plan);

private:
    void run(const std::stop_token& stop);
    // Both return early when the plan is not `number` any more.
    void read_first(store::Store& store, const Imported& first, std::uint64_t number,
                    const std::stop_token& stop);
    void read_next(store::Store& store, const store::Follower& next, std::uint64_t number,
                   const std::stop_token& stop);
    [[nodiscard]] bool is_current(std::uint64_t number, const std::stop_token& stop) const;
    [[nodiscard]] std::uint64_t bytes_allowed() const;

    AvailableMemory available_;
    std::atomic<std::int64_t> thread_of_{0};  // the process that has started one
    std::atomic<std::uint64_t> number_{0};    // of the plan
    mutable std::mutex mutex_;
    Plan plan_;
    // What was read, in bytes that nobody has asked for yet.
    std::map<format::Key, std::uint64_t> read_;
    bool running_ = false;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
