#include "cache/ahead/next_model.h"

#include <algorithm>
#include <utility>

namespace larder::internal::cache {
namespace {

// A model is expected after any of this many requests before it.
constexpr std::size_t k_before_max = 8;
// A run is compared with this many of its latest models: a program that loads more in one go may
// repeat itself unnoticed.
constexpr std::size_t k_run_max = 64;

}  // namespace

NextModelPredictor::NextModelPredictor(const os::System& system, state::State& state,
                                       ReadAhead::AvailableMemory available)
    : system_(system), state_(state), ahead_(std::move(available)) {}

NextModelPredictor::Asked NextModelPredictor::ask(const std::string& larder_id,
                                                  const format::Key& key) {
    Asked asked;
    if (!ahead_.is_usable()) return asked;
    asked.turn.larder_id = larder_id;
    asked.turn.key = key;
    asked.expected = ahead_.interrupt(key);
    {
        const std::lock_guard lock(mutex_);
        const auto now = system_.clock.monotonic();
        if (larder_id != larder_id_ || now - last_ > k_pause) run_.clear();
        larder_id_ = larder_id;
        last_ = now;
        asked.is_first = std::find(run_.begin(), run_.end(), key) == run_.end();
        if (!asked.is_first) return asked;
        const auto before = std::min(run_.size(), k_before_max);
        asked.turn.before.assign(run_.rbegin(),
                                 run_.rbegin() + static_cast<std::ptrdiff_t>(before));
        if (run_.size() == k_run_max) run_.erase(run_.begin());
        run_.push_back(key);
    }
    auto followers = state_.followers(larder_id, key);
    asked.has_followers = !followers.empty();
    std::erase_if(followers, [](const state::Follower& next) { return !next.expected; });
    if (!followers.empty()) asked.expected = std::move(followers);
    return asked;
}

void NextModelPredictor::read_next(const std::shared_ptr<store::Store>& store, const Asked& asked,
                                   std::optional<ReadAhead::Imported> blob) {
    if (asked.expected.empty() || !ahead_.is_usable()) return;
    ahead_.begin({store, std::move(blob), asked.expected});
}

void NextModelPredictor::end(Asked asked, const std::optional<Digest>& object,
                             std::uint64_t object_bytes) {
    if (!asked.is_first || !ahead_.is_usable()) return;
    {
        const std::lock_guard lock(mutex_);
        last_ = system_.clock.monotonic();
    }
    if (object && object_bytes >= k_bytes_min && !asked.turn.before.empty()) {
        asked.turn.object = object;
    }
    if (asked.turn.object || asked.has_followers) state_.learn(asked.turn);
}

}  // namespace larder::internal::cache
