// Types of the administration of a larder: listing, verifying and removing entries.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "larder/reports.hpp"
#include "store/disk/types.h"
#include "store/disk/verify_journal.h"

namespace larder::internal::store {

using larder::Damage;
using larder::DryRun;

// Decides how much of each manifest is read.
enum class ManifestDetail {
    whole,
    summary,  // see format::summarise_manifest
};

// One manifest, or the reason why it cannot be read.
struct ListedEntry {
    Key key;
    std::string path;
    Result<Manifest> manifest = fail(Errc::io, "was not read");
    // The key inputs that describe the device and the runtime: all entries with the same ones share
    // one copy. Null without a manifest.
    std::shared_ptr<const format::KeyInputs> built_for{};
    // By any machine, to the hour; 0: never, as far as the larder shows.
    std::int64_t used_at_ns = 0;
};

enum class Continue { yes, no };

struct Totals {
    std::uint64_t entries = 0;
    std::uint64_t objects = 0;
    std::uint64_t object_bytes = 0;       // their length
    std::uint64_t disk_bytes = 0;         // of objects, chunk lists and manifests
    std::uint64_t quarantined = 0;        // objects, directories and manifests
    std::uint64_t quarantined_bytes = 0;  // with the files that belong to them
};

struct Finding {
    Damage damage = Damage::damaged;
    std::optional<Key> key;
    std::optional<Manifest>
        manifest;  // of the entry, if it could be read before it was quarantined
    std::string path;
    Error error;
};

struct VerifyReport : larder::VerifyCounts {
    std::vector<Finding> findings;
};

struct VerifyOptions {
    std::uint64_t bytes_per_second_max = 0;  // 0: as fast as the disk
    // For checks of everything: continues an interrupted one. nullptr: starts from the beginning.
    VerifyJournal* journal = nullptr;
};

struct Progress {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};
using ProgressCallback = std::function<Continue(const Progress&)>;

struct Removal {
    std::vector<Manifest> entries;      // those that could be read
    std::uint64_t removed_entries = 0;  // all, readable or not
    std::uint64_t removed_objects = 0;
    std::uint64_t freed_bytes = 0;  // on disk
};

// Selects the entries to prune, besides those that the limit evicts. Pinned ones stay.
struct PruneRules {
    // Entries by key, each with the reason that is recorded.
    std::map<Key, std::string> doomed;
    // Entries without a request in this time, from any machine.
    std::optional<std::chrono::nanoseconds> older_than;
    // Prunes down to this size; absent: down to the limit of the larder.
    std::optional<std::uint64_t> max_bytes;
    // Also removes quarantined files: those that were damaged, or crashed a process.
    bool quarantine = false;
};

struct Pruning : larder::PruneCounts {
    Removal removal;
    // For each entry: the reason in PruneRules::doomed, "age", "size" or "limit".
    std::map<Key, std::string> reasons;
};

// Selects the entries to compress.
struct CompressRules {
    std::optional<std::set<Key>> keys;  // these; absent: all
    // Of them, only those without a request in this time, from any machine.
    std::optional<std::chrono::nanoseconds> older_than;
};

// The reason why an entry stays unchanged.
enum class Unchanged {
    encoding,  // it is kept in another way than the one that can be changed
    base,      // other entries refer to its bytes
    shared,    // an entry that stays as it is has the same bytes
    gain,      // it would get smaller by less than a tenth
    busy,      // another process works on it, or has replaced or removed it meanwhile
    failed,    // see the error
};

// The entries whose encoding was, or would be, changed.
struct Recoding : larder::CompressCounts {
    struct Done {
        Manifest before;
        std::uint64_t before_bytes = 0;  // of its objects, on disk
        std::uint64_t after_bytes = 0;
    };
    struct Left {
        Manifest manifest;
        Unchanged why = Unchanged::failed;
        std::optional<Error> error;
    };
    std::vector<Done> done;
    std::vector<Left> left;
};

}  // namespace larder::internal::store
