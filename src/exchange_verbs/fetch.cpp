// Fetches one entry for a process that waits for it: the work of "larder --transfer fetch KEY".
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "api/convert.h"
#include "cache/tiers/tier_answer.h"
#include "cli/failure.h"
#include "exchange/lease_turn.h"
#include "exchange/leases.h"
#include "exchange/pull.h"
#include "exchange_verbs/keep_lease.h"
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

// A host that waits is told so often that it is worth it.
constexpr milliseconds k_life_period{200};
constexpr std::chrono::seconds k_grace{1};
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
          silence_max_(std::chrono::duration_cast<Clock::duration>(
              larder.configuration().remote_timeout * k_own_part)),
          wait_end_(Clock::now() +
                    std::max<Clock::duration>(silence_max_, larder.configuration().lock_timeout)),
          end_(Clock::now() + silence_max_),
          storages_(larder, {[this] { return Clock::now() >= end_.load(); }, limits_}),
          waits_since_(Clock::now() - std::chrono::hours(1)) {}  // never yet

    // A call into a file system whose server is gone does not return: another thread ends it.
    void watch() {
        static_cast<void>(internal::os::start_detached([this] {
            for (auto end = end_.load(); Clock::now() < end; end = end_.load()) {
                std::this_thread::sleep_until(end);
            }
            const auto* const storage = asked.load();
            const bool has_failed = storage != nullptr && !is_only_waiting();
            if (has_failed) {
                storages_.note_failure(storage->url, "it took longer than the time limit");
            }
            process::answer_host(has_failed ? answer(TierAnswer::failed) : not_ready());
            if (!has_answered_) process::end_program();
        }));
    }

    unsigned run() {
        for (auto& storage : storages_.all()) {
            if (look(storage, Count::yes)) return fetched_from(storage);
        }
        if (is_refused_) return answer(TierAnswer::refused);
        auto& all = storages_.all();
        const auto leasing = std::ranges::find_if(all, [&](const StorageInUse& storage) {
            return !storage.is_read_only && !failed_[storage.place];
        });
        const bool compiles = larder_.configuration().mode != Mode::cache_only;
        if (compiles && leasing != all.end()) return lease(*leasing);
        const bool all_failed = std::ranges::all_of(
            all, [&](const StorageInUse& storage) { return failed_[storage.place]; });
        return answer(all_failed ? TierAnswer::failed : TierAnswer::nothing);
    }
    void note_answered() { has_answered_ = true; }
    // If the host is to compile, and the others wait for it.
    [[nodiscard]] std::optional<HeldLease>& held() { return held_; }

private:
    enum class Count { no, yes };
    using Step = exchange::LeaseStep;

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
        const auto pulled =
            exchange::pull(larder_.store(), *storage.tier, std::span(&*entry, 1),
                           [this](auto, auto) { return Clock::now() < end_.load(); });
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
        const auto end = end_.load();
        return Clock::now() >= end && end - waits_since_.load() < limits_.stall;
    }

    bool failed(const StorageInUse& storage, const std::string& fault) {
        if (is_only_waiting()) return false;
        failed_[storage.place] = true;
        storages_.note_failure(storage.url, fault);
        return false;
    }

    // The storage has answered, or is not asked now.
    void note_wait(exchange::LeaseState state) {
        waits_since_ = Clock::now();
        is_heard_ = state == exchange::LeaseState::alive;
        if (!is_heard_) return;
        // As long as the other machine compiles, only the storage's silence counts.
        end_ = std::min(Clock::now() + silence_max_, wait_end_);
        process::set_lifetime(larder_.configuration().remote_timeout + k_grace);
        if (!process::show_life()) process::end_program();
    }

    void pause(const Step& step) {
        const auto until = Clock::now() + step.pause;
        while (true) {
            note_wait(step.state);
            const auto left = std::min(until, end_.load()) - Clock::now();
            if (left <= left.zero()) return;
            std::this_thread::sleep_for(std::min<Clock::duration>(left, k_life_period));
        }
    }

    // One machine compiles; the others wait for its entry.
    unsigned lease(StorageInUse& storage) {
        const auto system = larder_.system();
        exchange::LeaseTurn turn(
            {key_, system.process.host + " " + larder_.store().id(), system.clock}, system);
        while (true) {
            asked = &storage;
            const auto step = turn.next(*storage.tier);
            asked = nullptr;
            if (!step) {
                failed(storage, step.error().message());
                return failed_[storage.place] ? answer(TierAnswer::failed) : not_ready();
            }
            if (step->kind == Step::Kind::compile) return compile(storage, std::move(turn.lease()));
            if (step->kind == Step::Kind::pause) {
                pause(*step);
                if (Clock::now() >= end_.load()) return not_ready();
                continue;
            }
            if (look(storage, Count::no)) return fetched_from(storage);
            if (is_refused_ || failed_[storage.place]) return answer(TierAnswer::nothing);
        }
    }

    unsigned compile(StorageInUse& storage, exchange::Lease lease) {
        // It may have come between the last look and the lease.
        if (look(storage, Count::no)) {
            exchange::drop_leases(*storage.tier, key_);
            return fetched_from(storage);
        }
        held_.emplace(HeldLease{storage.place, std::move(lease)});
        return answer(TierAnswer::nothing);
    }

    [[nodiscard]] unsigned not_ready() const {
        return answer(is_heard_ ? TierAnswer::waited : TierAnswer::unheard);
    }

    static unsigned answer(TierAnswer answer) { return static_cast<unsigned>(answer); }

    OpenLarder& larder_;
    const internal::format::Key key_;
    const remote::HttpLimits limits_;
    const Clock::duration silence_max_;   // of a storage
    const Clock::time_point wait_end_;    // for another machine
    std::atomic<Clock::time_point> end_;  // unless a storage says that another machine compiles
    StoragesInUse storages_;
    std::atomic<Clock::time_point> waits_since_;
    std::atomic_bool is_heard_{false};    // the machine that compiles renews its lease
    std::map<std::size_t, bool> failed_;  // by place
    std::optional<HeldLease> held_;
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
            if (fetch.held()) keep_lease(larder, key, std::move(*fetch.held()));
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
