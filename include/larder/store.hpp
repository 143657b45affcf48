/// \file
/// A larder's administration: lists, verifies and removes entries. Needs no OpenVINO.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "larder/error.hpp"
#include "larder/export.hpp"
#include "larder/options.hpp"
#include "larder/reports.hpp"
#include "larder/require_cxx20.hpp"
#include "larder/staleness.hpp"

namespace larder {

/// One content of an entry, as it is stored.
struct ObjectInfo {
    std::string name;    ///< the file's name in an entry that is a set of files; empty for a blob
    std::string digest;  ///< 64 hexadecimal characters
    std::uint64_t bytes = 0;  ///< of the content
};

/// One file of the model that an entry was compiled from.
struct ModelFile {
    std::string role;         ///< "xml", "bin", a shard's number…
    std::string digest;       ///< 64 hexadecimal characters
    std::uint64_t bytes = 0;  ///< of the file
};

/// How much of an entry Store::entries reads.
enum class EntryDetail {
    whole,  ///< every member of EntryInfo
    /// With few of the `key_inputs`, and without verifying what the manifest says: for long lists.
    summary,
};

/// One entry: a cached model.
struct EntryInfo {
    std::string key;     ///< 64 hexadecimal characters
    std::string model;   ///< the path it was compiled from, or the name that the caller gave it
    std::string kind;    ///< "ir", "onnx", "gguf", "memory", "caller"…
    std::string device;  ///< as asked for
    /// The shapes of its inputs: "images[1,3,224,224]", separated by blanks. Empty if not recorded.
    std::string shapes;
    std::uint64_t bytes = 0;  ///< of what the device exported
    /// The part of `bytes` that is not stored, because the model's own files have it.
    std::uint64_t referred_bytes = 0;
    /// Why the entry holds its weights; empty if it does not, or if that is not known.
    std::string weights_kept;
    /// How the blob is stored: "raw", the blob itself; "referring", what the compiler made, and
    /// where the rest is, in the model's own files and in other objects of the larder; "variant",
    /// by an earlier larder, in a way that is not read any more; "compressed"; "encrypted"; or
    /// "files", as a set of files. `objects` are what that takes.
    std::string encoding;
    /// The key of the entry whose blob the device unpacks into this entry's objects: blocks of
    /// memory, stored so that processes share them (docs/sharing.md). Empty for a blob.
    std::string unpacked_from;
    /// The key of the entry whose model makes the device build these kernels while it runs; the
    /// blob does not have them. Empty for a blob.
    std::string kernels_of;
    std::vector<ObjectInfo> objects;     ///< the contents that it is stored as
    std::vector<ModelFile> model_files;  ///< the content that it was compiled from
    /// Everything that decides the key; in EntryDetail::summary without "device.…", "runtime.…" and
    /// "property.…".
    std::map<std::string, std::string> key_inputs;
    /// The key inputs "device.…" and "runtime.…": all entries of a list that have the same ones
    /// share one copy. Never null if returned by a Store.
    std::shared_ptr<const std::map<std::string, std::string>> built_for;
    std::string requirements;                          ///< of the blob, according to the runtime
    bool without_weights = false;                      ///< loading it needs the model's files
    std::chrono::system_clock::time_point created_at;  ///< when it was published
    std::optional<std::chrono::system_clock::time_point> last_used_at;  ///< on this machine
    /// By any machine, to the hour.
    std::optional<std::chrono::system_clock::time_point> last_used_anywhere_at;
    std::uint64_t hits = 0;                     ///< on this machine
    std::chrono::milliseconds compile_time{0};  ///< what a hit saves
    bool pinned = false;                        ///< neither evicted nor pruned nor removed
    /// Why no blob of this key is stored although the model is requested: for example, processes
    /// crashed when they used one, or loading it gains nothing. Empty: a blob is stored.
    std::string withheld;
    std::string lifted_by;       ///< the command that allows a blob again; empty if one is stored
    bool gains_nothing = false;  ///< that is the reason why it is withheld (Options::keep)
    std::optional<Staleness> stale;           ///< set by Store::find_stale alone
    EntryDetail detail = EntryDetail::whole;  ///< which of the members are set

    /// The part of `bytes` that takes room in the larder; other entries may share it.
    [[nodiscard]] std::uint64_t kept_bytes() const { return bytes - referred_bytes; }
};

/// A model that some process is compiling.
struct Compiling {
    std::string key;           ///< 64 hexadecimal characters
    std::string what;          ///< "/srv/models/detector.onnx on CPU"
    std::int64_t process = 0;  ///< the number of the process
    bool is_here = true;  ///< on this machine; if not, `process` is a number of another machine
    std::chrono::system_clock::time_point since;  ///< when the compile began
    /// A process of this machine that waits for it; those alone that this user may look at.
    struct Waiting {
        std::int64_t process = 0;                          ///< its number
        std::string program;                               ///< its name
        std::chrono::system_clock::time_point started_at;  ///< of the process
    };
    std::vector<Waiting> waiting{};  ///< the one that was started first, first
};

/// A fault that Store::verify found.
struct Finding {
    Damage damage = Damage::damaged;  ///< of which kind it is
    std::string key;                  ///< of the entry concerned; empty if unknown
    std::string path;                 ///< of the file
    std::string what;                 ///< the fault, in words
    std::optional<EntryInfo> entry;   ///< as it was, if it could be read
};

/// The result of Store::verify.
struct VerifyReport : VerifyCounts {
    std::vector<Finding> findings;  ///< empty if nothing is damaged
};

/// How Store::verify reads.
struct VerifyOptions {
    std::uint64_t bytes_per_second_max = 0;  ///< 0: as fast as the disk
    bool from_the_start = false;             ///< even if an earlier check was interrupted
};

/// The result of Store::remove and Store::remove_model.
struct RemovalReport {
    std::vector<EntryInfo> entries;  ///< that were, or would be, removed
    std::uint64_t freed_bytes = 0;   ///< on disk; a shared object counts when its last entry goes
};

/// Selects the entries that prune() removes. No rule selects a pinned one.
struct PruneRules {
    /// Entries with these keys, each with a word that says why.
    std::map<std::string, std::string> keys{};
    /// Entries without a request in this time, as far as this machine and the larder know.
    std::optional<std::chrono::seconds> older_than{};
    /// The least valuable entries, until the larder holds at most this; 0: everything. Absent: the
    /// limit.
    std::optional<std::uint64_t> max_size_bytes{};
    /// Also removes quarantined files: those that were damaged, or crashed a process.
    bool quarantine = false;
};

/// The result of Store::prune.
struct PruneReport : PruneCounts {
    std::vector<EntryInfo> entries;  ///< that were, or would be, removed
    /// By key: PruneRules::keys, "age", "size", "limit".
    std::map<std::string, std::string> reasons;
    std::uint64_t freed_bytes = 0;  ///< on disk
};

/// Selects the entries that compress() compresses.
struct CompressRules {
    std::optional<std::vector<std::string>> keys{};  ///< keys or their prefixes; absent: all
    /// Of them, only those without a request in this time, as far as this machine and the larder
    /// know.
    std::optional<std::chrono::seconds> older_than{};
};

/// The result of Store::compress and Store::decompress.
struct CompressReport : CompressCounts {
    /// An entry that was, or would be, stored in another way.
    struct Changed {
        EntryInfo entry;                 ///< before compression
        std::uint64_t before_bytes = 0;  ///< on disk
        std::uint64_t after_bytes = 0;   ///< on disk
    };
    /// An entry that stays as it is.
    struct Unchanged {
        EntryInfo entry;  ///< as it is
        /// Why: "encoding": it is kept in a way that cannot be changed, or is so already; "base":
        /// other entries refer to its bytes; "shared": an entry that stays as it is has the same
        /// bytes; "gain": it would be less than a tenth smaller; "busy": somebody else is working
        /// on it; "failed".
        std::string reason;
        std::string detail;  ///< for "failed" and "busy"
    };
    std::vector<Changed> entries;      ///< that were, or would be, changed
    std::vector<Unchanged> unchanged;  ///< the other ones that were selected
    bool estimated = false;            ///< `after_bytes` is estimated from samples
};

/// Counts requests by outcome, over all processes of this machine.
struct Stats {
    /// Requests, by Outcome.
    struct Outcomes {
        std::uint64_t compiled = 0;          ///< Outcome::compiled
        std::uint64_t loaded = 0;            ///< Outcome::loaded
        std::uint64_t waited = 0;            ///< Outcome::waited
        std::uint64_t bypassed = 0;          ///< Outcome::bypassed
        std::uint64_t refused = 0;           ///< not in the larder, with the mode cache-only
        std::chrono::milliseconds saved{0};  ///< compile time not spent
        std::chrono::milliseconds compiled_time{0};  ///< the sum, from the calls to ready models
        std::chrono::milliseconds loaded_time{0};    ///< the same
        std::chrono::milliseconds waited_time{0};    ///< the same
    };
    std::chrono::system_clock::time_point since;          ///< requests from then on are counted
    Outcomes total;                                       ///< all requests
    std::map<std::string, Outcomes> by_model;             ///< by the path of the model, or its name
    std::map<std::string, Outcomes> by_device;            ///< by the device that was asked for
    std::map<std::string, std::uint64_t> miss_reasons;    ///< of `compiled`, in words
    std::map<std::string, std::uint64_t> bypass_reasons;  ///< of `bypassed`, in words
    std::map<std::string, std::uint64_t> refusal_reasons;  ///< of `refused`, in words
    std::uint64_t bytes_written = 0;                       ///< into the larder
    /// The bytes that were removed from the larder since `since`, by reason: "limit" (max_size),
    /// "floor" (min_free), "age", "size", "stale"… (of prune).
    std::map<std::string, std::uint64_t> evicted_bytes;
    std::uint64_t evicted_entries = 0;  ///< for these reasons
    std::uint64_t total_bytes = 0;      ///< how much the larder holds on disk now
    std::uint64_t max_size_bytes = 0;   ///< how much it may hold; 0: no limit
    std::uint64_t set_aside_bytes = 0;  ///< how much of it is quarantined
    std::uint64_t set_aside_files = 0;  ///< in so many files
    /// The longest time that an entry has been without a request; absent without entries. If it is
    /// short, the limit is too small.
    std::optional<std::chrono::seconds> longest_idle;
    /// A storage that this machine has asked (LARDER_REMOTE), for all larders, from the first time
    /// on.
    struct Remote {
        std::string url;                          ///< as in LARDER_REMOTE
        std::uint64_t hits = 0;                   ///< entries fetched
        std::uint64_t misses = 0;                 ///< entries that it did not have
        std::uint64_t failures = 0;               ///< requests that it did not answer, or wrongly
        std::uint64_t fetched_bytes = 0;          ///< of the hits
        std::chrono::milliseconds fetch_time{0};  ///< of the hits, in sum
        std::uint64_t sent_entries = 0;           ///< entries sent there
        std::uint64_t sent_bytes = 0;             ///< for them
        /// After several failures in a row the storage is not asked before this time.
        std::optional<std::chrono::system_clock::time_point> rests_until;
        std::string last_fault;  ///< in words; may be empty
        std::optional<std::chrono::system_clock::time_point> last_fault_at;  ///< absent: none yet
    };
    std::vector<Remote> remotes;  ///< those of LARDER_REMOTE, and earlier ones
};

/// The same counts for one span of time.
struct StatsInterval {
    std::chrono::system_clock::time_point begin;  ///< of the span
    Stats::Outcomes total;                        ///< all requests
    std::uint64_t bytes_written = 0;              ///< into the larder
    std::uint64_t evicted_bytes = 0;              ///< for all reasons
    std::uint64_t evicted_entries = 0;            ///< for all reasons
};

/// The administration of a larder. Thread-safe. Of larder's own exceptions, every method throws
/// larder::Error only.
class LARDER_EXPORT Store {
public:
    /// Settings that `options` leaves out come from the environment and the configuration files.
    /// Does not create a larder: a directory that does not exist, or is empty, holds nothing.
    /// Throws `invalid_argument` for a directory that is not a larder, or a setting that cannot be
    /// read, and `unsupported` for a larder of a newer format.
    explicit Store(Options options = {});
    /// Moves the handle; the other one can only be destroyed, or assigned to.
    Store(Store&&) noexcept;
    /// Moves the handle likewise.
    Store& operator=(Store&&) noexcept;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    /// Returns the larder's directory. Valid as long as this object.
    [[nodiscard]] const std::filesystem::path& directory() const;
    /// False if there is no larder yet: looking at one does not create it.
    [[nodiscard]] bool exists() const;
    /// False if larder may only read: a read-only mount or mode, or another user's directory; and
    /// if there is no larder.
    [[nodiscard]] bool writable() const;

    /// Returns every entry that can be read, newest first, and those of one instant by their keys.
    /// Reads all manifests.
    [[nodiscard]] std::vector<EntryInfo> entries(EntryDetail detail = EntryDetail::whole) const;
    /// Returns the one entry whose key begins with `prefix`. Throws `not_found`, or
    /// `invalid_argument` if there are several; the message lists them.
    [[nodiscard]] EntryInfo entry(std::string_view prefix) const;
    /// Returns the models that processes sharing this larder are compiling; the longest-running
    /// first.
    [[nodiscard]] std::vector<Compiling> compiling() const;
    /// Returns the bytes on disk of all that counts towards the limit: objects, manifests and
    /// quarantine.
    [[nodiscard]] std::uint64_t total_bytes() const;
    /// Returns Options::max_size in bytes on this disk; 0: no limit.
    [[nodiscard]] std::uint64_t max_size_bytes() const;

    /// Reads and verifies every byte of the entries whose keys begin with one of `prefixes`, or of
    /// all entries if there are none. Quarantines what is damaged if the larder can be written.
    /// Calls `progress` from time to time on the calling thread; return false to end early. If a
    /// check of everything was ended early or killed, the next one continues it.
    VerifyReport verify(const std::vector<std::string>& prefixes = {},
                        const std::function<bool(std::uint64_t bytes_done,
                                                 std::uint64_t bytes_total)>& progress = {},
                        const VerifyOptions& options = {});

    /// Returns the entries that verify(), or a load, has quarantined with their objects, and that
    /// were not published again since: the ones that larder::repair() compiles.
    [[nodiscard]] std::vector<EntryInfo> entries_set_aside() const;
    /// Removes these keys from entries_set_aside(), so that larder::repair() does not compile them.
    /// Ignores keys that are not there.
    void forget_set_aside(const std::vector<std::string>& keys);

    /// Removes entries, and the objects that no other entry needs. Loaded models keep working.
    /// Throws before anything is removed if one of the keys does not exist or is pinned.
    RemovalReport remove(const std::vector<std::string>& keys, DryRun dry_run);

    /// Fills in EntryInfo::stale. `entries` must be all entries of the larder: the one that
    /// supersedes another is among them. Looks at each model's files where this machine has seen
    /// them; an entry whose files are out of reach, such as on a disk that is not mounted, is not
    /// stale.
    void find_stale(std::vector<EntryInfo>& entries, const StaleSearch& search = {}) const;

    /// Returns the keys of the entries that were compiled from a model that this machine has seen
    /// at `path`, which need not exist any more. A directory stands for all models in it.
    [[nodiscard]] std::vector<std::string> keys_of_model(const std::filesystem::path& path) const;
    /// Removes those entries, and all that this machine remembers of the model: for callers that
    /// delete a model. A copy of the model elsewhere is compiled anew at its next request.
    RemovalReport remove_model(const std::filesystem::path& path, DryRun dry_run = DryRun::no);

    /// Removes entries by rule, and objects that no entry uses. A dry run reports the same and
    /// removes nothing.
    PruneReport prune(const PruneRules& rules, DryRun dry_run);

    /// Stores blobs in less room; those whose constants came from a shorter type shrink most. A hit
    /// on such an entry decompresses it on all cores into memory of the process, which takes longer
    /// and cannot be shared with other processes; the entry stays compressed. Leaves entries alone
    /// that would get smaller by less than a tenth, or whose bytes other entries use. Evicts
    /// nothing. A dry run names the same entries and changes nothing. Calls `progress` from time to
    /// time on the calling thread; return false to end early: entries compressed until then stay
    /// so. Safe to kill at any moment.
    CompressReport compress(const CompressRules& rules, DryRun dry_run,
                            const std::function<bool(std::uint64_t bytes_done,
                                                     std::uint64_t bytes_total)>& progress = {});
    /// Undoes compress(); evicts other entries if there is no room.
    CompressReport decompress(const std::vector<std::string>& keys, DryRun dry_run,
                              const std::function<bool(std::uint64_t bytes_done,
                                                       std::uint64_t bytes_total)>& progress = {});

    /// Pins entries: neither the limit nor prune() nor remove() takes a pinned entry. A pin stays
    /// when the entry is compiled anew. pin() ignores entries that are pinned already, and unpin()
    /// those that are not. Both throw before anything is changed if one of the keys does not exist.
    void pin(const std::vector<std::string>& keys);
    /// Undoes pin().
    void unpin(const std::vector<std::string>& keys);

    /// Returns the requests since `since`, as far as this machine remembers them, and the present
    /// state of the larder.
    [[nodiscard]] Stats stats(std::chrono::system_clock::time_point since = {}) const;
    /// Forgets the requests and evictions that stats() and history() count, of this user on this
    /// machine. Entries, their hits and what decides which are evicted stay.
    void forget_stats();

    /// Returns the counts of stats() in spans of `interval` that begin at its multiples since the
    /// epoch, oldest first, without those in which nothing happened. Throws `invalid_argument` for
    /// an interval of less than a second, or of more than a hundred years.
    [[nodiscard]] std::vector<StatsInterval> history(std::chrono::system_clock::time_point since,
                                                     std::chrono::seconds interval) const;

    /// A problem with this larder or its surroundings, and what to do about it.
    struct Advice {
        /// Of `error`, larder cannot serve; of `warning`, it serves worse than it could.
        enum class Severity { info, warning, error };
        Severity severity = Severity::info;  ///< how much it matters
        std::string subject;                 ///< "directory", "state", "space", "permissions"…
        std::string finding;                 ///< what is wrong
        std::string remedy;                  ///< what to do; may be empty
    };
    /// Examines the larder, the state, and the machine; returns nothing if all is well.
    [[nodiscard]] std::vector<Advice> diagnose() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace larder
