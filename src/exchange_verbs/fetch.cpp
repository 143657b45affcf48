// Fetches one entry for a process that waits for it: the work of "larder --transfer fetch KEY".
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "api/convert.h"
#include "cache/tiers/tier_answer.h"
#include "cli/failure.h"
#include "exchange/leases.h"
#include "exchange/pull.h"
#include "exchange_verbs/storages_in_use.h"
#include "exchange_verbs/transfer.h"
#include "os/detached_thread.h"
#include "process/hidden_program.h"

namespace larder::cli {
namespace {

namespace exchange = internal::exchange;
namespace process = internal::process;
namespace remote = internal::remote;
using internal::Errc;
using internal::cache::TierAnswer;
using internal::state::RemoteUse;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds k_first_pause{100};
constexpr milliseconds k_longest_pause{1000};
// Of the host's limit: the rest is for noting what has failed.
constexpr double k_own_part = 0.9;

remote::HttpLimits limits_within(std::chrono::seconds timeout) {
    remote::HttpLimits limits;
    limits.connect = std::min(limits.connect, milliseconds(timeout) / 4);
    limits.stall =
        std::clamp<std::chrono::seconds>(timeout / 3, std::chrono::seconds(1), limits.stall);
    limits.answer =
        std::clamp<std::chrono::seconds>(timeout / 2, std::chrono::seconds(1), limits.answer);
    limits.attempts = 2;
    return limits;
}

// Tells faults of the larder, such as a full disk, from those of a storage.
bool is_of_larder(Errc code) { return code == Errc::no_space || code == Errc::read_only; }

// The storage that is being asked, for the thread that watches the time.
constinit std::atomic<const StorageInUse*> asked{nullptr};

class Fetch {
public:
    Fetch(OpenLarder& larder, const internal::format::Key& key)
        : larder_(larder),
          key_(key),
          limits_(limits_within(larder.configuration().remote_timeout)),
          end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  larder.configuration().remote_timeout * k_own_part)),
          storages_(larder, {[this] { return Clock::now() >= end_; }, limits_}) {}

    // A call into a file system whose server is gone does not return: another thread ends it.
    void watch() {
        static_cast<void>(internal::os::start_detached([this] {
            std::this_thread::sleep_until(end_);
            const auto* const storage = asked.load();
            const bool has_failed = storage != nullptr && !is_only_waiting();
            if (has_failed) {
                storages_.note_failure(storage->url, "it took longer than the time limit");
            }
            process::answer_host(
                static_cast<unsigned>(has_failed ? TierAnswer::failed : TierAnswer::waited));
            if (!has_answered_) process::end_program();
        }));
    }

    unsigned run() {
        for (auto& storage : storages_.all()) {
            if (look(storage, Count::yes)) return fetched_from(storage);
        }
        if (is_refused_) return static_cast<unsigned>(TierAnswer::refused);
        auto& all = storages_.all();
        const auto leasing = std::ranges::find_if(all, [&](const StorageInUse& storage) {
            return !storage.is_read_only && !failed_[storage.place];
        });
        const bool compiles = larder_.configuration().mode != Mode::cache_only;
        if (compiles && leasing != all.end()) return lease(*leasing);
        const bool all_failed = std::ranges::all_of(
            all, [&](const StorageInUse& storage) { return failed_[storage.place]; });
        return static_cast<unsigned>(all_failed ? TierAnswer::failed : TierAnswer::nothing);
    }
    void note_answered() { has_answered_ = true; }

private:
    enum class Count { no, yes };

    static unsigned fetched_from(const StorageInUse& storage) {
        return static_cast<unsigned>(TierAnswer::fetched) + static_cast<unsigned>(storage.place);
    }

    // Whether the entry is in the larder now.
    bool look(StorageInUse& storage, Count count) {
        asked = &storage;
        const bool is_fetched = ask(storage, count);
        asked = nullptr;
        return is_fetched;
    }

    bool ask(StorageInUse& storage, Count count) {
        const auto began = Clock::now();
        const auto entry = exchange::read_shared_entry(*storage.tier, key_, storage.trust);
        RemoteUse use;
        use.url = storage.url;
        if (!entry && entry.error().code == Errc::not_found) {
            use.misses = count == Count::yes ? 1 : 0;
            larder_.state().note_remote(use);
            return false;
        }
        if (!entry) return failed(storage, entry.error().message());
        if (!entry->refusal.empty() && !entry->is_damaged) {
            return refused(storage, "an entry is not taken: " + entry->refusal);
        }
        const auto pulled = exchange::pull(larder_.store(), *storage.tier, std::span(&*entry, 1),
                                           [this](auto, auto) { return Clock::now() < end_; });
        if (pulled.entries.empty()) return failed(storage, "it took longer than the time limit");
        const auto& moved = pulled.entries.front();
        if (moved.state == exchange::Moved::State::failed && is_of_larder(moved.code)) {
            return refused(storage, moved.reason);
        }
        if (moved.state == exchange::Moved::State::failed ||
            moved.state == exchange::Moved::State::skipped) {
            return failed(storage, moved.reason);
        }
        use.hits = 1;
        use.fetched_bytes = moved.bytes;
        use.fetch_ms = static_cast<std::uint64_t>(
            std::chrono::duration_cast<milliseconds>(Clock::now() - began).count());
        larder_.state().note_remote(use);
        return true;
    }

    // The storage works, and an entry of it cannot be used here.
    bool refused(const StorageInUse& storage, const std::string& why) {
        is_refused_ = true;
        larder_.state().note_remote_refusal(storage.url, why,
                                            larder_.system().clock.wall().count());
        return false;
    }

    // Whether another machine compiles for longer than the time limit, which is no fault of the
    // storage that is asked for its entry again and again.
    [[nodiscard]] bool is_only_waiting() const {
        return Clock::now() >= end_ && end_ - told_to_wait_at_.load() < limits_.stall;
    }

    bool failed(const StorageInUse& storage, const std::string& fault) {
        if (is_only_waiting()) return false;
        failed_[storage.place] = true;
        storages_.note_failure(storage.url, fault);
        return false;
    }

    // One machine compiles; the others wait for its entry.
    unsigned lease(StorageInUse& storage) {
        const auto holder = larder_.system().process.host + " " + larder_.store().id();
        auto pause = k_first_pause;
        while (Clock::now() < end_) {
            asked = &storage;
            auto leased = storage.tier->prepare();
            auto taken =
                leased
                    ? exchange::take_lease(*storage.tier, key_, holder,
                                           larder_.system().clock.wall())
                    : internal::Result<exchange::Leased>(internal::fail(std::move(leased.error())));
            asked = nullptr;
            if (!taken) {
                failed(storage, taken.error().message());
                return static_cast<unsigned>(failed_[storage.place] ? TierAnswer::failed
                                                                    : TierAnswer::waited);
            }
            if (*taken == exchange::Leased::others) {
                told_to_wait_at_ = Clock::now();
                // No two machines in step.
                const auto jitter =
                    larder_.system().entropy.next() % static_cast<std::uint64_t>(pause.count());
                std::this_thread::sleep_for(pause / 2 + milliseconds(jitter));
                pause = std::min(pause * 2, k_longest_pause);
            }
            // It may have come between the first look and the lease.
            if (look(storage, Count::no)) {
                if (*taken == exchange::Leased::ours) exchange::drop_leases(*storage.tier, key_);
                return fetched_from(storage);
            }
            if (*taken == exchange::Leased::ours || is_refused_ || failed_[storage.place]) {
                return static_cast<unsigned>(TierAnswer::nothing);
            }
        }
        return static_cast<unsigned>(TierAnswer::waited);
    }

    OpenLarder& larder_;
    const internal::format::Key key_;
    const remote::HttpLimits limits_;
    const Clock::time_point end_;
    StoragesInUse storages_;
    std::atomic<Clock::time_point> told_to_wait_at_{end_ - std::chrono::hours(1)};  // never yet
    std::map<std::size_t, bool> failed_;                                            // by place
    bool is_refused_ = false;
    std::atomic_bool has_answered_{false};
};

}  // namespace

int fetch_for_host(const Context& context, const ExchangeFlags& flags) {
    const auto unusable = static_cast<unsigned>(TierAnswer::unusable);
    try {
        const auto key = api::value_or_throw(internal::format::Key::from_hex(flags.names.front()));
        OpenLarder larder(context.options(), internal::store::Access::read_write);
        try {
            Fetch fetch(larder, key);
            fetch.watch();
            const auto answer = fetch.run();
            fetch.note_answered();
            process::answer_host(answer);
            // Entries that an earlier process could not send.
            send_queued(larder);
            process::end_program();  // the thread that watches uses what is here
        } catch (const Error& error) {
            note_unusable(larder, error);
            process::answer_host(unusable);
        }
        return k_failed;
    } catch (const std::exception&) {
        process::answer_host(unusable);
        throw;
    }
}

}  // namespace larder::cli
