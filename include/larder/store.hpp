// A larder's administration: what is kept, whether it is whole, and its removal. Needs no OpenVINO.
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
#include "larder/require_cxx20.hpp"
#include "larder/staleness.hpp"

namespace larder {

struct ObjectInfo {
    std::string name;    // a file's name in an entry that is a set of files; empty for a blob
    std::string digest;  // 64 hexadecimal characters
    std::uint64_t bytes = 0;
};

struct ModelFile {
    std::string role;  // "xml", "bin", a shard's number…
    std::string digest;
    std::uint64_t bytes = 0;
};

enum class EntryDetail {
    whole,
    // With few of the `key_inputs`, and without proving that what is written of the entry
    // is undamaged: for lists of many.
    summary,
};

// One kept model.
struct EntryInfo {
    std::string key;     // 64 hexadecimal characters
    std::string model;   // the path it was compiled from, or what the caller called it
    std::string kind;    // "ir", "onnx", "gguf", "memory", "caller"…
    std::string device;  // as asked for
    // Of its inputs: "images[1,3,224,224]", separated by blanks. Empty where that is not noted.
    std::string shapes;
    std::uint64_t bytes = 0;  // of what the device exported
    // How many of them are not kept, because the model's own files have them.
    std::uint64_t referred_bytes = 0;
    // Why its weights are kept; empty where they are not, or that is not known.
    std::string weights_kept;
    // How it is kept: "raw", the blob itself; "referring", what the compiler made, and where the
    // rest is, in the model's own files and in other objects of the larder; "variant", by an
    // earlier larder, in a way that is not read any more;
    // "compressed"; "encrypted"; or "files", as a set of files. `objects` are what that takes.
    std::string encoding;
    // The key of the entry whose blob the device unpacks into this: blocks of memory, kept so that
    // processes share them (docs/sharing.md). Empty for a blob.
    std::string unpacked_from;
    // The key of the entry whose model, as it runs, makes the device build these kernels: programs
    // for it, which the blob does not have. Empty for a blob.
    std::string kernels_of;
    std::vector<ObjectInfo> objects;
    std::vector<ModelFile> model_files;
    // Everything that decides the key; in EntryDetail::summary without "device.…", "runtime.…" and
    // "property.…".
    std::map<std::string, std::string> key_inputs;
    // Of what decides the key, "device.…" and "runtime.…": one copy for all entries of a list that
    // say the same. Never null in what a Store returns.
    std::shared_ptr<const std::map<std::string, std::string>> built_for;
    std::string requirements;      // what the runtime says the blob needs
    bool without_weights = false;  // loading it needs the model's files
    std::chrono::system_clock::time_point created_at;
    std::optional<std::chrono::system_clock::time_point> last_used_at;  // on this machine
    // By anybody, to the hour.
    std::optional<std::chrono::system_clock::time_point> last_used_anywhere_at;
    std::uint64_t hits = 0;  // on this machine
    std::chrono::milliseconds compile_time{0};
    bool pinned = false;  // neither the limit nor a rule removes it
    // Why no blob is kept for this key although the model is asked for, such as processes that
    // crashed when they used one, or that loading it gains nothing. Empty: a blob is kept.
    std::string withheld;
    std::string lifted_by;       // the command that lets a blob be kept again; empty where one is
    bool gains_nothing = false;  // that is why it is withheld (Options::keep)
    std::optional<Staleness> stale;  // filled in by Store::find_stale alone
    EntryDetail detail = EntryDetail::whole;

    // What of `bytes` takes room in the larder, unless others share it.
    [[nodiscard]] std::uint64_t kept_bytes() const { return bytes - referred_bytes; }
};

// A model that some process compiles just now.
struct Compiling {
    std::string key;
    std::string what;  // "/srv/models/detector.onnx on CPU"
    std::int64_t process = 0;
    bool is_here = true;  // on this machine; else the number is of another's
    std::chrono::system_clock::time_point since;
};

enum class Damage {
    damaged,     // bytes differ from their digest; set aside
    untrusted,   // nothing proves it: another format, or a foreign owner
    unreadable,  // the operating system refused
};

struct Finding {
    Damage damage = Damage::damaged;
    std::string key;   // of the entry concerned; empty where it cannot be told
    std::string path;  // of the file
    std::string what;
    std::optional<EntryInfo> entry;  // as it was, where it could be read
};

struct VerifyReport {
    std::uint64_t entries = 0;
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
    // Found whole by an earlier check of everything, within the last week, that was interrupted:
    // this one went on where that was.
    std::uint64_t objects_before = 0;
    bool complete = true;  // false: `progress` ended it early
    std::vector<Finding> findings;
};

struct VerifyOptions {
    std::uint64_t bytes_per_second_max = 0;  // 0: as fast as the disk
    bool from_the_start = false;             // also if an earlier check was interrupted
};

struct RemovalReport {
    std::vector<EntryInfo> entries;
    std::uint64_t freed_bytes = 0;  // on disk; shared objects count only when their last entry goes
};

// Which entries prune() takes. None of them takes a pinned one.
struct PruneRules {
    // Those with these keys, each with a word for it: why.
    std::map<std::string, std::string> keys{};
    // Those that nobody has asked for in this long, as far as this machine and the larder know.
    std::optional<std::chrono::seconds> older_than{};
    // What is worth least, until the larder takes no more than this; 0: none. Absent: the limit.
    std::optional<std::uint64_t> max_size_bytes{};
    // Files that were set aside because they were damaged, or ended a process.
    bool quarantine = false;
};

struct PruneReport {
    std::vector<EntryInfo> entries;
    std::map<std::string, std::string> reasons;  // by key: PruneRules::keys, "age", "size", "limit"
    std::uint64_t freed_bytes = 0;               // on disk
    std::uint64_t garbage_bytes = 0;             // of them, what no entry used any more
    std::uint64_t set_aside_files = 0;           // that were removed from the quarantine
    std::uint64_t left_bytes = 0;
    // The path of an entry that cannot be read, and may use anything: for its sake no object was
    // removed. Empty: there is none.
    std::string held_back;
};

// Which entries compress() takes.
struct CompressRules {
    std::optional<std::vector<std::string>> keys{};  // or their beginnings; absent: all
    // Of them, those that nobody has asked for in this long, as far as this machine and the larder
    // know.
    std::optional<std::chrono::seconds> older_than{};
};

struct CompressReport {
    struct Changed {
        EntryInfo entry;  // as it was
        std::uint64_t before_bytes = 0;
        std::uint64_t after_bytes = 0;
    };
    struct Unchanged {
        EntryInfo entry;
        // "encoding": it is kept in a way that cannot be changed, or is so already; "base":
        // other entries refer to its bytes; "shared": an entry that stays as it is has the same
        // bytes; "gain": it would be less than a tenth smaller; "busy": somebody else is working on
        // it; "failed".
        std::string reason;
        std::string detail;  // of what failed, or is busy
    };
    std::vector<Changed> entries;
    std::vector<Unchanged> unchanged;
    // On disk, of `entries`; what several of them share counts once.
    std::uint64_t before_bytes = 0;
    std::uint64_t after_bytes = 0;
    bool estimated = false;  // `after_bytes` are worked out from samples
    // The path of an entry that cannot be read, and may use anything: for its sake nothing was
    // done. Empty: there is none.
    std::string held_back;
    bool complete = true;  // false: `progress` ended it early
};

// How many requests ended how, over all processes of this machine.
struct Stats {
    struct Outcomes {
        std::uint64_t compiled = 0;
        std::uint64_t loaded = 0;
        std::uint64_t waited = 0;
        std::uint64_t bypassed = 0;
        std::chrono::milliseconds saved{0};  // compile time not spent
        // What those requests took, from the call to a ready model.
        std::chrono::milliseconds compiled_time{0};
        std::chrono::milliseconds loaded_time{0};
        std::chrono::milliseconds waited_time{0};
    };
    std::chrono::system_clock::time_point since;
    Outcomes total;
    std::map<std::string, Outcomes> by_model;
    std::map<std::string, Outcomes> by_device;
    std::map<std::string, std::uint64_t> miss_reasons;
    std::map<std::string, std::uint64_t> bypass_reasons;
    std::uint64_t bytes_written = 0;
    // What was removed from the larder since `since`, by what removed it: "limit" (max_size),
    // "floor" (min_free), "age", "size", "stale"… (of prune).
    std::map<std::string, std::uint64_t> evicted_bytes;
    std::uint64_t evicted_entries = 0;
    // Now: what the larder holds on disk, what it may hold (0: no limit), of what it holds how much
    // and how many files were set aside because they were damaged or ended a process, and for how
    // long the entry that was not asked for the longest has not been (absent without entries).
    // Where that is short, the limit is too small.
    std::uint64_t total_bytes = 0;
    std::uint64_t max_size_bytes = 0;
    std::uint64_t set_aside_bytes = 0;
    std::uint64_t set_aside_files = 0;
    std::optional<std::chrono::seconds> longest_idle;
};

// The same in one span of time.
struct StatsInterval {
    std::chrono::system_clock::time_point begin;
    Stats::Outcomes total;
    std::uint64_t bytes_written = 0;
    std::uint64_t evicted_bytes = 0;
    std::uint64_t evicted_entries = 0;
};

enum class DryRun { no, yes };

// Thread-safe. Every method throws larder::Error and nothing else of larder's.
class LARDER_EXPORT Store {
public:
    // What `options` leave out comes from the environment and the configuration files. Does not
    // create a larder: a directory that does not exist, or is empty, holds nothing. Throws
    // `invalid_argument` for a directory that is not a larder, or a setting that cannot be read,
    // and `unsupported` for a larder of a newer format.
    explicit Store(Options options = {});
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    [[nodiscard]] const std::filesystem::path& directory() const;
    // False where nothing was ever kept: looking does not make a larder.
    [[nodiscard]] bool exists() const;
    // False where larder may only read: a read-only mount or mode, or another user's directory; and
    // where there is no larder.
    [[nodiscard]] bool writable() const;

    // Every entry that can be read, newest first. Reads all manifests.
    [[nodiscard]] std::vector<EntryInfo> entries(EntryDetail detail = EntryDetail::whole) const;
    // The one entry whose key begins with `prefix`. Throws `not_found`, or `invalid_argument` where
    // several do; the message lists them.
    [[nodiscard]] EntryInfo entry(std::string_view prefix) const;
    // What is compiled just now, by processes that share the larder; the longest first.
    [[nodiscard]] std::vector<Compiling> compiling() const;
    // Bytes on disk of all that counts towards the limit: objects, manifests, and what was set
    // aside.
    [[nodiscard]] std::uint64_t total_bytes() const;
    // Options::max_size on this disk; 0: no limit.
    [[nodiscard]] std::uint64_t max_size_bytes() const;

    // Reads every byte of what is kept (of the entries whose keys begin with one of `prefixes`;
    // of all if there are none). What is damaged is set aside where larder can write. `progress` is
    // called now and then, on the calling thread; return false to end early. A check of everything
    // that was ended early, or killed, is gone on with by the next.
    VerifyReport verify(const std::vector<std::string>& prefixes = {},
                        const std::function<bool(std::uint64_t bytes_done,
                                                 std::uint64_t bytes_total)>& progress = {},
                        const VerifyOptions& options = {});

    // The entries that verify(), or a load, has set aside with their objects, and which were not
    // kept anew since: what larder::repair() compiles.
    [[nodiscard]] std::vector<EntryInfo> entries_set_aside() const;
    // They are not to be compiled by larder::repair(). Throws nothing for one that is not there.
    void forget_set_aside(const std::vector<std::string>& keys);

    // Removes entries, and the objects that no other entry needs. Loaded models go on working.
    // Throws before anything is removed if one of the keys does not exist, or is pinned.
    RemovalReport remove(const std::vector<std::string>& keys, DryRun dry_run);

    // Fills in why nobody will ask for an entry again. `entries` are all of the larder's: what
    // supersedes an entry is one of them. Looks at each model's files, where this machine has seen
    // them; what is out of reach, such as a disk that is not mounted, is not stale.
    void find_stale(std::vector<EntryInfo>& entries, const StaleSearch& search = {}) const;

    // The entries that were compiled from the model at `path`, which need not exist any more:
    // whatever this machine has seen there. A directory stands for all models in it.
    [[nodiscard]] std::vector<std::string> keys_of_model(const std::filesystem::path& path) const;
    // Removes them, and all that this machine remembers of the model: for who deletes a model. A
    // copy of it elsewhere is compiled anew when it is asked for.
    RemovalReport remove_model(const std::filesystem::path& path, DryRun dry_run = DryRun::no);

    // Removes by rule, and whatever no entry uses. A dry run reports the same and removes nothing.
    PruneReport prune(const PruneRules& rules, DryRun dry_run);

    // Keeps blobs in less room: those whose constants came from a shorter type, most of all. A hit
    // on such an entry undoes it on all cores into memory of the process, which takes longer and
    // cannot be shared with others, and leaves it compressed. What gets less than a tenth smaller,
    // and what others use in part, stays as it is. Nothing is evicted for it. A dry run names the
    // same entries and changes nothing. `progress` is called now and then, on the calling thread;
    // return false to end early: what was done until then stays. Safe to kill at any moment.
    CompressReport compress(const CompressRules& rules, DryRun dry_run,
                            const std::function<bool(std::uint64_t bytes_done,
                                                     std::uint64_t bytes_total)>& progress = {});
    // Keeps them whole again; where there is no room for that, others are evicted.
    CompressReport decompress(const std::vector<std::string>& keys, DryRun dry_run,
                              const std::function<bool(std::uint64_t bytes_done,
                                                       std::uint64_t bytes_total)>& progress = {});

    // Neither the limit nor prune() nor remove() takes a pinned entry. A pin stays when the entry
    // is compiled anew. What is pinned already stays so; the same with unpin. Both throw before
    // anything is changed if one of the keys does not exist.
    void pin(const std::vector<std::string>& keys);
    void unpin(const std::vector<std::string>& keys);

    [[nodiscard]] Stats stats(std::chrono::system_clock::time_point since = {}) const;

    // What stats() counts, in spans of `interval` that begin at its multiples since the epoch, the
    // oldest first; those in which nothing happened are left out. Throws `invalid_argument` for an
    // interval of less than a second, or of more than a hundred years.
    [[nodiscard]] std::vector<StatsInterval> history(std::chrono::system_clock::time_point since,
                                                     std::chrono::seconds interval) const;

    // What is wrong with this larder or its surroundings, each with what to do; empty if nothing.
    struct Advice {
        enum class Severity { info, warning, error };
        Severity severity = Severity::info;
        std::string subject;  // "directory", "state", "space", "permissions"…
        std::string finding;
        std::string remedy;
    };
    [[nodiscard]] std::vector<Advice> diagnose() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace larder
