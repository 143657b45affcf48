// Programs load several models in a row, in the same order each time: text encoder, network,
// decoder. The order is learnt, and what comes next is read while the runtime imports what is
// there.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cache/read_ahead.h"
#include "os/fork_mutex.h"
#include "os/system.h"
#include "store/state.h"
#include "store/store.h"

namespace larder::internal::cache {

// The requests of one session, in their order. Nothing here fails or waits. Thread-safe.
class Pipeline {
public:
    // A program that asks for nothing this long begins anew.
    static constexpr std::chrono::seconds k_pause{60};
    // Objects smaller than this are read faster than a thread can help.
    static constexpr std::uint64_t k_bytes_min = std::uint64_t{4} << 20;

    // One request.
    struct Asked {
        store::Turn turn;  // without its object
        std::vector<store::Follower> expected;
        bool is_first = false;  // for this key in this run
        bool has_followers = false;
    };

    // `system` and `state` must outlive it.
    Pipeline(
        const os::System& system, store::State& state,
        ReadAhead::AvailableMemory available = [] { return os::read_available_memory_bytes(); });
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline() = default;

    // Before anything is read for the key. One query, at most once a run.
    [[nodiscard]] Asked ask(const std::string& larder_id, const format::Key& key);
    // What is asked for is about to be imported, from `blob` where there is one.
    void read_next(const std::shared_ptr<store::Store>& store, const Asked& asked,
                   std::optional<ReadAhead::Imported> blob);
    // The request has ended, with an object where there is one.
    void end(Asked asked, const std::optional<Digest>& object, std::uint64_t object_bytes);

private:
    os::System system_;
    store::State& state_;
    os::ForkMutex mutex_;
    std::string larder_id_;
    std::vector<format::Key> run_;  // in order, without repetition; the latest
    std::chrono::nanoseconds last_{0};
    ReadAhead ahead_;
};

}  // namespace larder::internal::cache
