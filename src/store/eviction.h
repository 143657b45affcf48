// The limit and the floor: making room for what is published, and taking away by rule. Private to
// store/.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/administration.h"
#include "store/context.h"
#include "store/locks.h"
#include "store/types.h"

namespace larder::internal::store {

// What is about to get its names.
struct Claim {
    std::uint64_t bytes = 0;      // on disk
    std::vector<Digest> objects;  // must be there when it has them
    std::optional<Key> key{};     // of the entry; one of the same key goes with it
    bool alone = false;           // behind the exclusive gate, whether or not anything has to go
    bool evicts = true;           // false: what it replaces takes more, and goes next
};

struct Filling {
    std::uint64_t before_bytes = 0;
    std::uint64_t after_bytes = 0;
};

// The gate, and room in the larder behind it: what was claimed is on the account.
class Room {
public:
    // Evicts if need be. Errc::no_space if what can be evicted is not enough: then nothing is.
    [[nodiscard]] static Result<Room> make(Context& context, const Claim& claim);

    // Leaves the gate. How full the larder was, and is with what was claimed.
    [[nodiscard]] Filling leave() && {
        gate_.reset();
        return filling_;
    }

private:
    [[nodiscard]] static Result<Room> make_by_evicting(Context& context, const Claim& claim);
    Room(Gate gate, Filling filling) : gate_(std::move(gate)), filling_(filling) {}

    std::optional<Gate> gate_;
    Filling filling_;
};

// Says so, once, where a publication brought the larder near its limit.
void warn_of_filling(Context& context, const Filling& filling);

// The limit in bytes; 0: none.
[[nodiscard]] std::uint64_t limit_bytes(const Context& context);

// See Store::has_room.
[[nodiscard]] bool has_room(Context& context, std::uint64_t bytes);

// See Store::prune.
[[nodiscard]] Result<Pruning> prune(Context& context, const PruneRules& rules, DryRun dry_run);

}  // namespace larder::internal::store
