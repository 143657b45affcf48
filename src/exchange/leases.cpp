#include "exchange/leases.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace larder::internal::exchange {
namespace {

using std::chrono::nanoseconds;

// So many machines may end while they compile one key, within a day.
constexpr unsigned k_generations_max = 16;
constexpr std::uint64_t k_holder_bytes_max = 4096;
constexpr std::chrono::nanoseconds k_forgotten_after = std::chrono::hours(24);
constexpr std::size_t k_writers = 8;
constexpr std::chrono::nanoseconds k_shortest_pause = std::chrono::milliseconds(100);
constexpr std::chrono::nanoseconds k_usual_pause = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds k_longest_pause = std::chrono::seconds(10);
constexpr int k_pause_part = 6;
constexpr std::uint64_t k_renewals_counted_max = 1000;

std::string lease_name(const format::Key& key, unsigned generation) {
    return remote::stored_name(remote::k_leases, key.digest) + "." + std::to_string(generation);
}

Result<void> write_lease(remote::Tier& tier, const std::string& name, const std::string& text,
                         remote::IfThere if_there) {
    return tier.write(
        name, text.size(),
        [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
            std::memcpy(buffer.data(), text.data() + offset, buffer.size());
            return {};
        },
        if_there);
}

}  // namespace

// The holder, and in a second line how often it was renewed.
struct Lease::Content {
    explicit Content(std::string_view text) {
        const auto end = std::min(text.find('\n'), text.size());
        holder = text.substr(0, end);
        text.remove_prefix(end);
        if (!text.starts_with(k_renewed)) return;
        text.remove_prefix(k_renewed.size());
        std::uint64_t number = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        if (read.ec == std::errc{}) renewals = number;
    }

    static constexpr std::string_view k_renewed = "\nrenewed ";

    std::string_view holder;
    std::optional<std::uint64_t> renewals;  // absent: it is never renewed
};

std::string Lease::text() const {
    return holder_ + std::string(Content::k_renewed) + std::to_string(renewals_) + "\n";
}

bool Lease::is_dead(remote::Tier& tier, unsigned generation, const remote::StoredText& there,
                    const Content& content) {
    const auto now = clock_.monotonic();
    const bool is_first_look = !seen_.contains(generation);
    auto& seen = seen_[generation];
    if (is_first_look || seen.text != there.text) seen = {there.text, now, false};
    if (seen.is_superseded) return true;
    const std::chrono::nanoseconds age{clock_.wall().count() - there.stored.written_at_ns};
    if (!content.renewals) return age >= k_unrenewed_lease_time;
    // Clocks differ: the lease's own changes count.
    const auto unchanged_for = now - seen.since;
    if (unchanged_for >= k_lease_time || age >= k_surely_dead_after) return true;
    if (is_first_look || unchanged_for > 2 * k_renew_period) {
        seen.is_superseded = tier.find(lease_name(key_, generation + 1)).has_value();
    }
    return seen.is_superseded;
}

Result<LeaseState> Lease::look(remote::Tier& tier) {
    for (free_ = 1; free_ <= k_generations_max; ++free_) {
        const auto there =
            remote::read_stored_text(tier, lease_name(key_, free_), k_holder_bytes_max);
        if (!there && there.error().code == Errc::not_found) return LeaseState::absent;
        if (!there) return fail(there.error());
        const Content content(there->text);
        if (content.holder == holder_) {
            held_ = free_;
            renewals_ = content.renewals.value_or(0);
            return LeaseState::ours;
        }
        if (is_dead(tier, free_, *there, content)) continue;
        // Not by the storage's clock, which may be wrong; nor longer than anybody waits.
        const auto renewals = std::min(content.renewals.value_or(0), k_renewals_counted_max);
        compiles_for_ =
            k_renew_period * renewals + (renewals > 0 ? k_renew_period / 2 : nanoseconds());
        return content.renewals ? LeaseState::alive : LeaseState::unrenewed;
    }
    free_ = 0;
    return LeaseState::absent;
}

Result<LeaseState> Lease::take(remote::Tier& tier) {
    held_ = 0;
    // The look is all that prevents two leases in storages that know no conditions.
    auto state = look(tier);
    if (!state || *state != LeaseState::absent) return state;
    if (free_ == 0) return LeaseState::ours;
    renewals_ = 0;
    auto written = write_lease(tier, lease_name(key_, free_), text(), remote::IfThere::keep);
    if (written) {
        held_ = free_;
        return LeaseState::ours;
    }
    if (written.error().code == Errc::already_exists) return LeaseState::alive;
    return fail(std::move(written.error()));
}

Result<LeaseState> Lease::renew(remote::Tier& tier) {
    if (held_ == 0) return LeaseState::ours;
    const auto name = lease_name(key_, held_);
    const auto there = remote::read_stored_text(tier, name, k_holder_bytes_max);
    // An earlier process of this machine may have released it.
    if (!there && there.error().code == Errc::not_found) return take(tier);
    if (!there) return fail(there.error());
    const Content content(there->text);
    if (content.holder != holder_ || tier.find(lease_name(key_, held_ + 1))) {
        return LeaseState::alive;
    }
    renewals_ = std::max(renewals_, content.renewals.value_or(0)) + 1;
    if (auto done = write_lease(tier, name, text(), remote::IfThere::replace); !done) {
        return fail(std::move(done.error()));
    }
    return LeaseState::ours;
}

void Lease::release(remote::Tier& tier) {
    const auto generation = std::exchange(held_, 0);
    // The next one stands upon this one.
    if (generation == 0 || tier.find(lease_name(key_, generation + 1))) return;
    const auto name = lease_name(key_, generation);
    const auto there = remote::read_stored_text(tier, name, k_holder_bytes_max);
    if (!there || Content(there->text).holder != holder_) return;
    static_cast<void>(tier.remove(name));
}

std::chrono::nanoseconds pause_before_look(std::chrono::nanoseconds compiles_for,
                                           std::uint64_t random) {
    // A small model is compiled within a second.
    const auto pause = compiles_for < k_usual_pause ? std::max(compiles_for, k_shortest_pause)
                                                    : std::clamp(compiles_for / k_pause_part,
                                                                 k_usual_pause, k_longest_pause);
    return pause / 2 + std::chrono::nanoseconds(random % static_cast<std::uint64_t>(pause.count()));
}

void drop_leases(remote::Tier& tier, const format::Key& key) {
    for (unsigned generation = 1; generation <= k_generations_max; ++generation) {
        const auto name = lease_name(key, generation);
        if (!tier.find(name) || !tier.remove(name)) return;
    }
}

std::uint64_t prune_leases(remote::Tier& tier, std::chrono::nanoseconds now) {
    std::vector<std::string> old;
    const auto listed = tier.list(std::string(remote::k_leases), [&](const remote::Stored& stored) {
        if (now.count() - stored.written_at_ns > k_forgotten_after.count()) {
            old.push_back(stored.name);
        }
    });
    if (!listed) return 0;
    return static_cast<std::uint64_t>(std::ranges::count_if(
        old, [&](const std::string& name) { return tier.remove(name).has_value(); }));
}

Result<bool> honours_conditions(const std::function<Result<std::unique_ptr<remote::Tier>>()>& open,
                                std::uint64_t number) {
    std::array<std::uint64_t, 2> content{number, ~number};
    const auto digest = hash_bytes(std::as_bytes(std::span(content)));
    const auto name = lease_name(format::Key{digest}, 0);
    std::vector<std::unique_ptr<remote::Tier>> tiers;
    for (std::size_t i = 0; i < k_writers; ++i) {
        auto tier = open();
        if (!tier) return fail(std::move(tier.error()));
        tiers.push_back(std::move(*tier));
    }
    std::vector<Result<void>> results(k_writers);
    {
        std::atomic<std::size_t> ready{0};
        std::vector<std::jthread> writers;
        writers.reserve(k_writers);
        for (std::size_t i = 0; i < k_writers; ++i) {
            writers.emplace_back([&, i] {
                ++ready;
                while (ready < k_writers) std::this_thread::yield();
                results[i] = write_lease(*tiers[i], name, "probe", remote::IfThere::keep);
            });
        }
    }
    static_cast<void>(tiers.front()->remove(name));
    for (auto& result : results) {
        if (!result && result.error().code != Errc::already_exists) {
            return fail(std::move(result.error()));
        }
    }
    return std::ranges::count_if(results, [](const auto& result) { return result.has_value(); }) ==
           1;
}

}  // namespace larder::internal::exchange
