// Predicts the next model. Programs load several models in a row, in the same order each time: text
// encoder, network, decoder. The order is learnt, and the next model is read while the runtime
// imports the present one.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cache/ahead/read_ahead.h"
#include "os/system.h"
#include "state/state.h"
#include "store/store.h"

namespace larder::internal::cache {

// The requests of one session, in their order. Never fails and never waits. Thread-safe.
class NextModelPredictor {
public:
    // After a pause of this length, a new run begins.
    static constexpr std::chrono::seconds k_pause{60};
    // Smaller objects are read faster than a thread can help.
    static constexpr std::uint64_t k_bytes_min = std::uint64_t{4} << 20;

    // One request.
    struct Asked {
        state::Turn turn;  // without its object
        std::vector<state::Follower> expected;
        bool is_first = false;  // of this key in this run
        bool has_followers = false;
    };

    // `system` and `state` must outlive it.
    NextModelPredictor(
        const os::System& system, state::State& state,
        ReadAhead::AvailableMemory available = [] { return os::read_available_memory_bytes(); });
    NextModelPredictor(const NextModelPredictor&) = delete;
    NextModelPredictor& operator=(const NextModelPredictor&) = delete;
    ~NextModelPredictor() = default;

    // To be called before anything is read for the key. Makes one query, at most once in a run.
    [[nodiscard]] Asked ask(const std::string& larder_id, const format::Key& key);
    // To be called when the request is about to import, from `blob` if there is one.
    void read_next(const std::shared_ptr<store::Store>& store, const Asked& asked,
                   std::optional<ReadAhead::Imported> blob);
    // To be called when the request has ended, with its object if there is one.
    void end(Asked asked, const std::optional<Digest>& object, std::uint64_t object_bytes);

private:
    os::System system_;
    state::State& state_;
    std::mutex mutex_;
    std::string larder_id_;
    std::vector<format::Key> run_;  // in order, without repetition; the latest
    std::chrono::nanoseconds last_{0};
    ReadAhead ahead_;
};

}  // namespace larder::internal::cache
