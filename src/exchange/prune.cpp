#include "exchange/prune.h"

#include <set>
#include <string>

#include "exchange/leases.h"
#include "exchange/shared_entries.h"

namespace larder::internal::exchange {
namespace {

// Signatures decide who loads an entry, not whether it may stay.
Trust anybody() {
    Trust trust;
    trust.takes_unsigned = true;
    return trust;
}

class Pruner {
public:
    Pruner(remote::Tier& tier, std::chrono::nanoseconds now, DryRun dry_run)
        : tier_(tier), now_(now), dry_run_(dry_run) {}

    Result<void> take_entries(std::chrono::nanoseconds older_than) {
        const auto keys = list_shared_keys(tier_);
        if (!keys) return fail(keys.error());
        for (const auto& key : *keys) {
            const auto entry = read_shared_entry(tier_, key, anybody());
            if (!entry && entry.error().code == Errc::not_found) continue;  // gone meanwhile
            if (!entry) return fail(entry.error());
            if (now_.count() - entry->written_at_ns > older_than.count()) {
                pruning_.entries.push_back(key);
                if (auto done = take(entry_name(key)); !done) return done;
                continue;
            }
            // Damage may also be that of a network, and pass.
            if (entry->is_newer || entry->is_damaged) pruning_.keeps_objects = true;
            for (const auto& part : entry->manifest.parts) {
                needed_.insert(object_name(part.object));
            }
        }
        return {};
    }

    // After the entries that name them.
    Result<void> take_objects() {
        if (pruning_.keeps_objects) return {};
        std::vector<std::string> names;
        const auto listed =
            tier_.list(std::string(remote::k_objects), [&](const remote::Stored& stored) {
                const bool is_recent = now_.count() - stored.written_at_ns < k_object_grace.count();
                if (!is_recent && !needed_.contains(stored.name)) names.push_back(stored.name);
            });
        if (!listed && listed.error().code != Errc::not_found) return fail(listed.error());
        for (const auto& name : names) {
            if (auto done = take(name); !done) return done;
            ++pruning_.objects;
        }
        return {};
    }
    [[nodiscard]] SharedPruning result() && { return std::move(pruning_); }

private:
    Result<void> take(const std::string& name) {
        if (const auto stored = tier_.find(name)) pruning_.bytes += stored->bytes;
        if (dry_run_ == DryRun::yes) return {};
        return tier_.remove(name);
    }

    remote::Tier& tier_;
    std::chrono::nanoseconds now_;
    DryRun dry_run_;
    SharedPruning pruning_;
    std::set<std::string> needed_;
};

}  // namespace

Result<SharedPruning> prune(remote::Tier& tier, std::chrono::nanoseconds now,
                            std::chrono::nanoseconds older_than, DryRun dry_run) {
    Pruner pruner(tier, now, dry_run);
    auto done = pruner.take_entries(older_than);
    if (done) done = pruner.take_objects();
    if (!done) return fail(std::move(done.error()));
    if (dry_run == DryRun::no) static_cast<void>(prune_leases(tier, now));
    return std::move(pruner).result();
}

}  // namespace larder::internal::exchange
