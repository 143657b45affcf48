#include "store/limit/eviction.h"

#include <algorithm>
#include <utility>

#include "store/entries/catalogue.h"
#include "store/entries/listing.h"
#include "store/entries/pins.h"
#include "store/limit/account.h"
#include "store/limit/eviction_plan.h"
#include "store/limit/removal.h"
#include "store/limit/worth.h"
#include "store/references/family.h"

namespace larder::internal::store {
namespace {

constexpr std::int64_t k_day_ns = 86'400'000'000'000;

struct Bounds {
    std::uint64_t limit = 0;    // 0: none
    std::uint64_t missing = 0;  // how much more must be free
};

Bounds bounds_of(const Context& context) {
    const auto space = context.fs().space(context.layout.root());
    // If the size of the disk is unknown, shares of it are not enforced.
    const auto disk_bytes = space ? space->total_bytes : 0;
    Bounds bounds;
    bounds.limit = bytes_of(context.max_size, disk_bytes);
    const auto floor = bytes_of(context.min_free, disk_bytes);
    if (space && space->available_bytes < floor) bounds.missing = floor - space->available_bytes;
    return bounds;
}

// Adds `bytes` to the account. Returns nothing if the account does not show that there is room.
std::optional<Filling> reserve(Context& context, std::uint64_t bytes, std::uint64_t limit) {
    const auto absent = limit == 0 ? Account::Absent::leave : Account::Absent::make;
    const auto without_limit = limit == 0 ? std::optional(Filling{}) : std::nullopt;
    auto account = Account::open(context, absent);
    if (!account) return without_limit;
    auto balance = account->read();
    if (!balance) return without_limit;
    const auto age_ns = context.system.clock.wall().count() - balance->counted_at_ns;
    const Filling filling{balance->bytes, balance->bytes + bytes};
    if (limit != 0 && (filling.after_bytes > limit || age_ns < 0 || age_ns > k_day_ns)) return {};
    balance->bytes = filling.after_bytes;
    if (!account->write(*balance)) return without_limit;
    return filling;
}

Result<EvictionPlan::Surroundings> look_around(Context& context, std::vector<Digest> needed) {
    EvictionPlan::Surroundings around;
    auto pinned = pinned_keys(context);
    if (!pinned) return fail(std::move(pinned.error()));
    around.pinned = std::move(*pinned);
    if (context.history != nullptr) around.requests = context.history->requests(context.id);
    around.needed = std::move(needed);
    around.now_ns = context.system.clock.wall().count();
    return around;
}

Result<Removal> clear(Context& context, const EvictionPlan& plan, DryRun dry_run) {
    Removal removal;
    auto done = take_away(context, plan.entries(), plan.objects(), dry_run, removal);
    if (!done) return fail(std::move(done.error()));
    for (const auto& file : plan.set_aside()) {
        removal.freed_bytes += file.disk_bytes;
        if (dry_run == DryRun::no) static_cast<void>(context.fs().remove(file.path));
    }
    if (dry_run == DryRun::no && context.history != nullptr) {
        context.history->record(context.id, plan.evictions());
    }
    return removal;
}

// Writes a count to the account. To be called behind the exclusive gate, so that no reservation
// runs.
Result<void> settle(Context& context, std::uint64_t bytes) {
    auto account = Account::open(context, Account::Absent::make);
    if (!account) return fail(std::move(account.error()));
    return account->write({bytes, context.system.clock.wall().count()});
}

bool may_say(Context& context, std::string_view topic, std::chrono::seconds interval) {
    return context.history == nullptr || context.history->may_say(context.id, topic, interval);
}

std::string advice(std::string_view first) {
    return std::string(first) +
           ", or remove what is not needed: larder prune --older-than 30d, larder ls --sort "
           "size:desc";
}

void warn_of_recent(Context& context, const EvictionPlan& plan, const std::string& reason) {
    const auto& evictions = plan.evictions();
    const auto recent = std::count_if(evictions.begin(), evictions.end(),
                                      [](const Eviction& e) { return e.idle_ns < k_day_ns; });
    if (recent == 0 || !may_say(context, "recent", std::chrono::hours(24))) return;
    const bool floor = reason == "floor";
    context.log.warn_once("recent",
                          std::string(floor ? "the disk of the larder '" : "the larder '") +
                              context.layout.root() + "' is full: " + std::to_string(recent) +
                              (recent == 1 ? " entry that was" : " entries that were") +
                              " used within the last day had to be evicted; " +
                              advice(floor ? "free space on the disk" : "raise LARDER_MAX_SIZE"));
}

Error no_room(const Context& context, const SpaceRequest& claim, const Catalogue& catalogue,
              const std::string& reason) {
    auto what = "no room for " + format_size(claim.bytes) + ": ";
    what += reason == "floor" ? "too little of the disk is free"
                              : "the limit is " + format_size(limit_bytes(context));
    std::string remedy = "raise LARDER_MAX_SIZE, or unpin entries: larder unpin";
    if (reason == "floor") remedy = "free space on the disk, or lower LARDER_MIN_FREE";
    if (!catalogue.complete()) {
        what += ", and nothing can be evicted while this entry cannot be read:";
        remedy = "larder verify says why";
        return {Errc::no_space, 0, std::move(what), catalogue.unreadable(), std::move(remedy)};
    }
    what += ", and evicting all that may be evicted is not enough:";
    return {Errc::no_space, 0, std::move(what), context.layout.root(), std::move(remedy)};
}

// Returns the account, or counts all files if there is none.
std::optional<std::uint64_t> held_bytes(Context& context) {
    if (auto account = Account::open(context, Account::Absent::leave)) {
        if (const auto balance = account->read()) return balance->bytes;
    }
    const auto totals = measure(context);
    if (!totals) return std::nullopt;
    return totals->disk_bytes + totals->quarantined_bytes;
}

}  // namespace

std::uint64_t limit_bytes(const Context& context) { return bounds_of(context).limit; }

Result<Room> Room::make(Context& context, const SpaceRequest& claim) {
    const auto mode = claim.alone ? os::LockMode::exclusive : os::LockMode::shared;
    const auto timeout = claim.alone ? k_gate_remove_timeout : k_gate_publish_timeout;
    if (!claim.evicts) {
        auto gate = Gate::enter(context, mode, timeout);
        if (!gate) return fail(std::move(gate.error()));
        // Added to the account whatever the limit: an account that is too high for a moment causes
        // no eviction.
        static_cast<void>(reserve(context, claim.bytes, 0));
        return Room(std::move(*gate), {});
    }
    const auto bounds = bounds_of(context);
    if (bounds.limit != 0 && claim.bytes > bounds.limit) {
        return fail(Errc::no_space,
                    format_size(claim.bytes) + " are more than the limit of " +
                        format_size(bounds.limit) + " of the larder",
                    context.layout.root(), "raise LARDER_MAX_SIZE");
    }
    if (bounds.missing == 0) {
        // The gate keeps others from removing objects that have no entry yet, or are in use.
        auto gate = Gate::enter(context, mode, timeout);
        if (!gate) return fail(std::move(gate.error()));
        if (const auto filling = reserve(context, claim.bytes, bounds.limit)) {
            return Room(std::move(*gate), *filling);
        }
    }
    return make_by_evicting(context, claim);
}

Result<Room> Room::make_by_evicting(Context& context, const SpaceRequest& claim) {
    Catalogue catalogue;
    if (auto scanned = catalogue.scan(context); !scanned) return fail(std::move(scanned.error()));
    auto gate = Gate::enter(context, os::LockMode::exclusive, k_gate_remove_timeout);
    if (!gate) return fail(std::move(gate.error()));
    if (auto scanned = catalogue.scan(context); !scanned) return fail(std::move(scanned.error()));
    auto around = look_around(context, claim.objects);
    if (!around) return fail(std::move(around.error()));
    // If the publication fails, the entry that it was to replace must still be there.
    if (claim.key) around->pinned.insert(*claim.key);
    EvictionPlan plan(catalogue, std::move(*around));

    const auto bounds = bounds_of(context);
    const auto before = catalogue.total_bytes();
    const auto replaced = claim.key ? plan.bytes_of(*claim.key) : 0;
    const auto wanted = before - std::min(before, replaced) + claim.bytes;
    const auto over = bounds.limit != 0 && wanted > bounds.limit ? wanted - bounds.limit : 0;
    const std::string reason = over >= bounds.missing ? "limit" : "floor";
    const auto need = std::max(over, bounds.missing);
    std::uint64_t freed = 0;
    if (need > 0) {
        const auto garbage = plan.garbage_bytes();
        const auto slack = over > 0 ? slack_of(bounds.limit, catalogue.entries().size()) : 0;
        if (need > garbage) plan.free_bytes(need + slack - garbage, reason);
        if (plan.freed_bytes() < need) {
            return fail(no_room(context, claim, catalogue, reason));
        }
        const auto removal = clear(context, plan, DryRun::no);
        if (!removal) return fail(removal.error());
        freed = std::min(plan.freed_bytes(), before);
        warn_of_recent(context, plan, reason);
    }
    const auto left = before - freed;
    // Still behind the exclusive gate, so that no other process takes the room.
    if (auto settled = settle(context, left + claim.bytes); !settled) {
        return fail(std::move(settled.error()));
    }
    return Room(std::move(*gate), {left, left + claim.bytes});
}

bool has_room(Context& context, std::uint64_t bytes) {
    const auto space = context.fs().space(context.layout.root());
    if (!space || context.access == Access::read_only) return false;
    const auto free_after = static_cast<std::int64_t>(space->available_bytes - bytes);
    const auto floor = bytes_of(context.min_free, space->total_bytes);
    if (free_after < 0 || static_cast<std::uint64_t>(free_after) < floor) return false;
    const auto limit = bytes_of(context.max_size, space->total_bytes);
    if (limit == 0) return true;
    const auto held = held_bytes(context);
    return held && *held <= limit && bytes <= limit - *held;
}

void warn_of_filling(Context& context, const Filling& filling) {
    const auto limit = limit_bytes(context);
    if (limit == 0) return;
    constexpr std::uint64_t k_percent = 100;
    for (const std::uint64_t percent : {95U, 80U}) {
        const auto mark = limit / k_percent * percent;
        if (filling.before_bytes >= mark || filling.after_bytes < mark) continue;
        const auto name = std::to_string(percent) + " %";
        // A larder in use gets full sooner or later; one message in a week is enough.
        if (!may_say(context, name, std::chrono::hours(7 * 24))) return;
        context.log.warn_once(
            name, "the larder '" + context.layout.root() + "' is " +
                      std::to_string(filling.after_bytes / (limit / k_percent)) + " % full (" +
                      format_size(filling.after_bytes) + " of " + format_size(limit) +
                      "); at the limit the entries that are worth least are evicted: " +
                      advice("raise LARDER_MAX_SIZE"));
        return;
    }
}

Result<Pruning> prune(Context& context, const PruneRules& rules, DryRun dry_run) {
    Catalogue catalogue;
    const auto gate = scan_and_enter(context, dry_run, catalogue);
    if (!gate) return fail(gate.error());
    auto around = look_around(context, {});
    if (!around) return fail(std::move(around.error()));
    EvictionPlan plan(catalogue, std::move(*around));
    for (const auto& [key, reason] : rules.doomed) plan.add(key, reason);
    if (rules.older_than) plan.add_older_than(rules.older_than->count(), "age");
    if (rules.quarantine) plan.add_all_set_aside();
    const auto target = rules.max_bytes.value_or(limit_bytes(context));
    const auto total = catalogue.total_bytes();
    const auto left = total - std::min(total, plan.freed_bytes());
    if (target != 0 && left > target) {
        plan.free_bytes(left - target, rules.max_bytes ? "size" : "limit");
    }
    Pruning pruning;
    auto removal = clear(context, plan, dry_run);
    if (!removal) return fail(std::move(removal.error()));
    pruning.removal = std::move(*removal);
    for (const auto& eviction : plan.evictions()) {
        pruning.reasons[eviction.key] = eviction.reason;
    }
    pruning.garbage_bytes = plan.garbage_bytes();
    pruning.set_aside_files = plan.set_aside().size();
    pruning.left_bytes = total - std::min(total, pruning.removal.freed_bytes);
    // Families are not part of the total.
    const auto families = remove_empty_families(context, dry_run, plan.objects());
    if (!families) return fail(families.error());
    pruning.removal.freed_bytes += *families;
    if (!catalogue.complete()) pruning.held_back = catalogue.unreadable();
    // Without a limit there is no account, and this does not create one.
    if (dry_run == DryRun::no && limit_bytes(context) != 0) {
        static_cast<void>(settle(context, pruning.left_bytes));
    }
    return pruning;
}

}  // namespace larder::internal::store
