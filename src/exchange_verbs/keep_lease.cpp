#include "exchange_verbs/keep_lease.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "exchange_verbs/storages_in_use.h"
#include "process/hidden_program.h"

namespace larder::cli {
namespace {

namespace exchange = internal::exchange;
namespace remote = internal::remote;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// No compile takes so long: a program that hangs, or was stopped, must not keep all others waiting.
constexpr seconds k_keeping_max = std::chrono::hours(1);
constexpr milliseconds k_look_at_lock_period{500};
constexpr seconds k_after_failure{5};
// Each request to the storage; a lease that is renewed late is dead.
constexpr seconds k_request_max{20};
// The process that sends an entry starts within it.
constexpr seconds k_sender_starts_within{10};

class LeaseKeeper {
public:
    LeaseKeeper(OpenLarder& larder, const internal::format::Key& key, HeldLease held)
        : larder_(larder), clock_(larder.system().clock), key_(key), held_(std::move(held)) {}

    void run() {
        internal::process::set_lifetime(k_keeping_max + 2 * k_request_max);
        const auto end = clock_.monotonic() + k_keeping_max;
        auto renew_at = clock_.monotonic() + exchange::k_renew_period;
        while (is_needed() && clock_.monotonic() < end) {
            clock_.sleep(k_look_at_lock_period);
            if (clock_.monotonic() < renew_at) continue;
            const auto state = ask([&](remote::Tier& tier) { return held_.lease.renew(tier); });
            if (state && *state != exchange::LeaseState::ours) return;
            renew_at = clock_.monotonic() +
                       (state ? exchange::k_renew_period : nanoseconds(k_after_failure));
        }
        static_cast<void>(ask([&](remote::Tier& tier) -> internal::Result<exchange::LeaseState> {
            held_.lease.release(tier);
            return exchange::LeaseState::absent;
        }));
    }

private:
    // In this order, because the host publishes, notes what is to be sent, and releases the lock.
    [[nodiscard]] bool is_needed() {
        if (larder_.store().is_compile_locked(key_)) {
            unsent_since_.reset();
            return true;
        }
        if (!larder_.store().find(key_).manifest) return false;
        const auto queued = look_at_queue(larder_, key_);
        if (queued == Queued::no) return false;
        if (queued == Queued::sending) {
            unsent_since_.reset();
            return true;
        }
        if (!unsent_since_) unsent_since_ = clock_.monotonic();
        return clock_.monotonic() - *unsent_since_ < k_sender_starts_within;
    }

    // Nothing if the storage rests, or has failed, which is noted.
    std::optional<exchange::LeaseState> ask(const auto& what) {
        request_end_ = clock_.monotonic() + k_request_max;
        if (!storages_) {
            remote::HttpLimits limits;
            limits.answer = std::min(limits.answer, k_request_max / 2);
            limits.attempts = 2;
            storages_.emplace(
                larder_, Patience{[this] { return clock_.monotonic() >= request_end_; }, limits});
        }
        auto& all = storages_->all();
        const auto storage = std::ranges::find(all, held_.place, &StorageInUse::place);
        if (storage == all.end()) {
            storages_.reset();
            return std::nullopt;
        }
        const internal::Result<exchange::LeaseState> state = what(*storage->tier);
        if (state) return *state;
        storages_->note_failure(storage->url, state.error().message());
        storages_.reset();  // with connections that are of no use any more
        return std::nullopt;
    }

    OpenLarder& larder_;
    internal::os::Clock& clock_;
    const internal::format::Key key_;
    HeldLease held_;
    nanoseconds request_end_{0};
    std::optional<StoragesInUse> storages_;
    std::optional<nanoseconds> unsent_since_;  // by any process
};

}  // namespace

void keep_lease(OpenLarder& larder, const internal::format::Key& key, HeldLease held) {
    LeaseKeeper(larder, key, std::move(held)).run();
}

}  // namespace larder::cli
