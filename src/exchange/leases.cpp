#include "exchange/leases.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace larder::internal::exchange {
namespace {

// So many machines may end while they compile one key, within a day.
constexpr unsigned k_generations_max = 16;
constexpr std::uint64_t k_holder_bytes_max = 4096;
constexpr std::chrono::nanoseconds k_forgotten_after = std::chrono::hours(24);
constexpr std::size_t k_writers = 8;

std::string lease_name(const format::Key& key, unsigned generation) {
    return remote::stored_name(remote::k_leases, key.digest) + "." + std::to_string(generation);
}

Result<void> write_new(remote::Tier& tier, const std::string& name, const std::string& text) {
    return tier.write(
        name, text.size(),
        [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
            std::memcpy(buffer.data(), text.data() + offset, buffer.size());
            return {};
        },
        remote::IfThere::keep);
}

}  // namespace

Result<Leased> take_lease(remote::Tier& tier, const format::Key& key, const std::string& holder,
                          std::chrono::nanoseconds now) {
    for (unsigned generation = 1; generation <= k_generations_max; ++generation) {
        const auto name = lease_name(key, generation);
        // Also for storages that know no conditions, where this is all that prevents two leases.
        const auto there = remote::read_stored_text(tier, name, k_holder_bytes_max);
        if (there) {
            if (there->text == holder) return Leased::ours;
            if (now.count() - there->stored.written_at_ns < k_lease_time.count()) {
                return Leased::others;
            }
            continue;
        }
        if (there.error().code != Errc::not_found) return fail(there.error());
        auto written = write_new(tier, name, holder);
        if (written) return Leased::ours;
        if (written.error().code == Errc::already_exists) return Leased::others;
        return fail(std::move(written.error()));
    }
    return Leased::ours;
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
                results[i] = write_new(*tiers[i], name, "probe");
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
