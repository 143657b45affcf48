// The limit and the floor: makes room for publications, and prunes by rule. Private to store/.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"
#include "store/disk/locks.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Describes a publication that is about to name its files.
struct SpaceRequest {
    std::uint64_t bytes = 0;      // on disk
    std::vector<Digest> objects;  // must still exist when they get their names
    std::optional<Key> key{};     // of the entry; replaces one of the same key
    bool alone = false;           // requires the exclusive gate, even if nothing has to be evicted
    bool evicts = true;           // false: it replaces something larger, which is removed next
};

struct Filling {
    std::uint64_t before_bytes = 0;
    std::uint64_t after_bytes = 0;
};

// Holds the gate, and room in the larder behind it: the claimed bytes are on the account.
class Room {
public:
    // Evicts if needed. Errc::no_space if evicting everything possible is not enough: then nothing
    // is evicted.
    [[nodiscard]] static Result<Room> make(Context& context, const SpaceRequest& claim);

    // Leaves the gate. Returns how full the larder was, and is with the claimed bytes.
    [[nodiscard]] Filling leave() && {
        gate_.reset();
        return filling_;
    }

private:
    [[nodiscard]] static Result<Room> make_by_evicting(Context& context, const SpaceRequest& claim);
    Room(Gate gate, Filling filling) : gate_(std::move(gate)), filling_(filling) {}

    std::optional<Gate> gate_;
    Filling filling_;
};

// Warns once if a publication brought the larder near its limit.
void warn_of_filling(Context& context, const Filling& filling);

// Returns the limit in bytes; 0: none.
[[nodiscard]] std::uint64_t limit_bytes(const Context& context);

// See Store::has_room.
[[nodiscard]] bool has_room(Context& context, std::uint64_t bytes);

// See Store::prune.
[[nodiscard]] Result<Pruning> prune(Context& context, const PruneRules& rules, DryRun dry_run);

}  // namespace larder::internal::store
