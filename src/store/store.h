// A larder on disk (docs/format.md): objects, the entries that name them, and everything that keeps
// both intact while processes publish, read, crash and run out of space (docs/crash-safety.md).
// Knows nothing of models.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/parallel.h"
#include "base/result.h"
#include "base/units.h"
#include "os/system.h"
#include "store/disk/administration.h"
#include "store/disk/compile_lock.h"
#include "store/disk/history.h"
#include "store/disk/presence.h"
#include "store/disk/scratch_file.h"
#include "store/disk/types.h"
#include "store/objects/trials.h"
#include "store/private_directory.h"
#include "store/publish/publish.h"
#include "store/references/referring.h"

namespace larder::internal::store {

// Decides whether to create a larder if there is none.
enum class Creation { when_absent, never };

struct OpenOptions {
    std::string directory{};
    // The directory for what this machine cannot write into a read-only larder: trials, and
    // distrusted objects. Empty: there is none.
    std::string state_directory{};
    Access access = Access::read_write;
    Creation creation = Creation::when_absent;  // with Access::read_write only
    unsigned threads = reader_threads();        // for reading and hashing
    // The limit and the floor: publishing evicts the least valuable entries, or fails.
    SizeLimit max_size{};
    SizeLimit min_free{};
    // Knows which entries are used. Must outlive the store; may be absent.
    History* history = nullptr;
    WorldWritable world_writable = WorldWritable::refuse;
};

// Thread-safe, and safe with any number of other processes at the same larder. An Error is always
// about the larder, never a reason not to compile.
class Store {
public:
    // Opens a larder. With Access::read_write, creates one if the directory is absent or empty, and
    // sweeps what dead processes left in `tmp/`. If the larder cannot be written (a read-only
    // mount, another user's directory), opens it for reading, see access(). A directory that is
    // absent or empty, and stays so, is an empty larder for reading. Errc::invalid_argument: a
    // file, or a directory that is not a larder. Errc::unsupported: a newer format.
    // Errc::permission_denied: unreadable, or everybody can write to it. If the group can write to
    // the larder, it can also write to all new files. `system`, `log`, `memory` must outlive the
    // store.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(const os::System& system, Log& log,
                                                             VerifiedMemory& memory,
                                                             const OpenOptions& options);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    [[nodiscard]] const std::string& directory() const;
    // Random, created with the larder; empty if there is no larder to read.
    [[nodiscard]] const std::string& id() const;
    [[nodiscard]] Access access() const;
    // Says why it is open for reading although writing was requested.
    [[nodiscard]] const std::optional<Error>& read_only_reason() const;

    // ── Reading ──────────────────────────────────────────────────────────────────────────────────

    // Opens and reads one file, whatever the number of entries. A damaged entry is moved to
    // quarantine and is a miss with a fault. An entry of a newer format (which is left alone), one
    // that cannot be read, and one whose object this machine distrusts are misses with a fault too.
    [[nodiscard]] Lookup find(const Key& key);

    // Opens, verifies and maps the object of a part of the entry `key`. Errc::not_found: it does
    // not exist; the entry is left for publish to replace. Errc::damaged: its bytes are not what
    // its name says; object and entry are in quarantine (in a read-only larder: on this machine's
    // list), so that the next find is a miss.
    [[nodiscard]] Result<MappedObject> open_object(const Key& key, const Part& part, Verify policy);

    // As open_object, of all of an entry's blob: of its one object in Encoding::raw and, undone
    // into memory, in Encoding::compressed; in Encoding::referring of the objects that make it up,
    // any of which may be missing or damaged, and of what `find` finds, whose errors are passed on.
    // Errc::unsupported in Encoding::variant.
    [[nodiscard]] Result<MappedObject> open_blob(const Manifest& manifest, Verify policy,
                                                 const SourceFinder& find = {},
                                                 const ReadProgress& progress = {});

    // Objects that a new blob of these families (Publication::families) may refer to, verified and
    // mapped; of each family the newest first. An object with a fault is left out: a load of its
    // entry finds the fault.
    [[nodiscard]] std::vector<MappedObject> shareable(std::span<const Digest> families);

    // Reads an object, and those that it refers to, or `bytes_max` of them, into the page cache,
    // at the disk's pace, so that whoever opens it soon does not wait. Changes and remembers
    // nothing, takes no lock: what is wrong with the object is left for open_object to find. `step`
    // is asked before each few megabytes; Continue::no ends it. How many bytes were read.
    [[nodiscard]] Result<std::uint64_t> read_ahead(const Digest& object, std::uint64_t bytes_max,
                                                   const std::function<Continue()>& step);

    // The same for the files of a model that an entry refers to, if they are where they were at
    // publication. Reads nothing for other entries.
    [[nodiscard]] Result<std::uint64_t> read_model_ahead(const Key& key, std::uint64_t bytes_max,
                                                         const std::function<Continue()>& step);

    // Quarantines an object that is unusable although its bytes are right: the runtime refuses it,
    // or it crashes the process. Removes the entry and the object's trials. Does nothing if another
    // process already did, or if `seen` (MappedObject::stamp) is given and the object has been
    // published anew since. Errc::busy if others keep the larder locked.
    [[nodiscard]] Result<void> quarantine(const Key& key, const Part& part, std::string_view reason,
                                          const std::optional<os::FileStamp>& seen = {});

    // Returns the entries whose objects were quarantined for any reason, and which were not
    // published again since.
    [[nodiscard]] Result<std::vector<Manifest>> entries_set_aside() const;
    [[nodiscard]] bool is_entry_set_aside(const Key& key) const;
    // Forgets such an entry, which nobody wants back.
    void forget_entry_set_aside(const Key& key);

    // Leaves a mark that other machines sharing the larder see: at most once an hour. Never fails.
    void mark_used(const Key& key) noexcept;

    // ── Writing ──────────────────────────────────────────────────────────────────────────────────
    // In a larder open for reading, all of these return Errc::read_only.

    // Waits until this is the only holder of the key's lock. The first attempt never sleeps.
    // Errc::timed_out after `timeout` (0: one attempt). `purpose` is shown to others, in words.
    [[nodiscard]] Result<CompileLock> compile_lock(const Key& key, std::chrono::nanoseconds timeout,
                                                   std::string_view purpose = {});
    // Tells whether a process has this key's lock now. Takes none.
    [[nodiscard]] bool is_compile_locked(const Key& key) const;
    // Return the holder of this key's lock, or all holders, if they gave a purpose.
    [[nodiscard]] std::optional<CompileLockHolder> compile_lock_holder(const Key& key) const;
    [[nodiscard]] std::vector<CompileLockHolder> compile_lock_holders() const;

    // Returns once the entry and its objects survive power loss; replaces an entry of the same key,
    // and then removes objects that only the old one used. On an error nothing is left behind, and
    // the former entry is still there; but if only the last sync failed, the new entry is visible
    // and may not survive. Needs no compile lock: the last publisher wins. Evicts if the larder
    // would grow beyond its limit, or too little of the disk would stay free. Errc::no_space if
    // that is not enough: nothing is published. Errc::not_found: a part in `kept` is not an object
    // (any more).
    [[nodiscard]] Result<Manifest> publish(const Publication& publication);

    // Waits until an entry that was published with Durability::soon survives a power cut.
    // Errc::not_found if it is not there any more.
    [[nodiscard]] Result<void> make_durable(const Key& key);

    // Writes a part before it is published, as publish would (PartSource::written). Errors: those
    // of the source, and of the larder's disk.
    [[nodiscard]] Result<std::shared_ptr<WrittenPart>> write(const PartSource& source);

    // Opens, for reading, the file that a process of this machine is publishing now as this part
    // (PartSource::content). It may be incomplete, and is durable only once it is synced.
    // Errc::not_found.
    [[nodiscard]] Result<std::unique_ptr<os::File>> open_staged(const Part& part);

    // Tells whether there is such an object; says nothing about its bytes.
    [[nodiscard]] bool has_object(const Digest& object) const;
    // Tells whether an open file is the one that has the object's name now.
    [[nodiscard]] bool is_object(const Digest& object, os::File& file);

    // Tells whether this many more bytes fit within the limit and the floor. Never evicts; false if
    // that cannot be determined.
    [[nodiscard]] bool has_room(std::uint64_t bytes);

    // ── Other processes ──────────────────────────────────────────────────────────────────────────

    // See tmp_file.h.
    [[nodiscard]] Result<bool> locks_exclude();
    // Shows other processes of this machine, for as long as the result lives, that this process
    // uses a key. In a larder open for reading, only those with the same state directory see it.
    [[nodiscard]] Result<Presence> announce(const Key& key);
    // Returns how many other processes announce the key now. `own_paths` are this process's
    // announcements, Presence::path().
    [[nodiscard]] std::uint64_t count_announced_by_others(const Key& key,
                                                          const std::set<std::string>& own_paths);

    // ── Trials ───────────────────────────────────────────────────────────────────────────────────
    // Stored in the larder, or on this machine if that is read-only. None of them ever waits.

    // Begin a trial before an object is used for the first time, and end it when the process has
    // survived that. The trial of a key: its model is compiled in place of an object that may have
    // crashed.
    [[nodiscard]] Result<Trial> begin_trial(const Digest& subject);
    // Counts the trials of the object, or of the key, in which the process crashed within the last
    // day.
    [[nodiscard]] Result<CrashCount> count_crashes(const Digest& subject);
    // Marks an object that was used without harm: it needs no more trials.
    [[nodiscard]] Result<void> mark_proven(const Digest& object);
    [[nodiscard]] bool is_proven(const Digest& object);

    // ── Private directories, for Encoding::files ─────────────────────────────────────────────────

    // Creates a directory that holds the parts of `manifest`, verified, each under its name; an
    // empty one for nullptr. Errors of open_object, including Errc::not_found. For a larder open
    // for reading the directory is in the state directory.
    [[nodiscard]] Result<PrivateDirectory> materialise(const Manifest* manifest, Verify policy);
    // Adds verified copies of those parts of `manifest` that the directory has no file for. Each
    // copy appears complete, while the device uses the directory. Returns their number; errors of
    // materialise.
    [[nodiscard]] Result<std::size_t> add_parts(PrivateDirectory& directory,
                                                const Manifest& manifest);
    // Returns what the directory holds now. An object that was written to in place is quarantined,
    // and its file counts as fresh.
    [[nodiscard]] Result<Harvest> harvest(const PrivateDirectory& directory);

    // Creates an empty file in `tmp/` whose name ends in `suffix`; a sweep removes it if the
    // process dies. For a larder open for reading it is in the state directory.
    [[nodiscard]] Result<ScratchFile> scratch_file(std::string_view suffix);

    // ── Administration ───────────────────────────────────────────────────────────────────────────

    // Reads every manifest, in no particular order, until told to stop. Several threads call
    // `visit`, one at a time.
    [[nodiscard]] Result<void> for_each_entry(const std::function<Continue(ListedEntry&)>& visit,
                                              ManifestDetail detail = ManifestDetail::whole);
    // Returns ListedEntry::used_at_ns of one entry.
    [[nodiscard]] std::int64_t used_at_ns(const Manifest& manifest);
    // Returns the keys that begin with `prefix`, in order. With two characters or more it reads one
    // directory. Errc::invalid_argument unless the prefix is lower-case hexadecimal.
    [[nodiscard]] Result<std::vector<Key>> find_keys(std::string_view prefix);
    // Examines every file, reads none.
    [[nodiscard]] Result<Totals> totals();
    // Reads every byte of the given entries, or of everything if none is given. Damaged objects and
    // manifests are quarantined. Calls `progress` on the calling thread, at least every second or
    // so; Continue::no ends early, with the findings so far.
    [[nodiscard]] Result<VerifyReport> verify(std::span<const Key> keys,
                                              const ProgressCallback& progress = {},
                                              const VerifyOptions& options = {});
    // Removes entries, and the objects that no other entry uses. Errc::not_found, with nothing
    // removed, if one of them does not exist. A dry run counts the same and removes nothing.
    [[nodiscard]] Result<Removal> remove(std::span<const Key> keys, DryRun dry_run = DryRun::no);
    // Removes the entries that `rules` name, then the least valuable ones down to the limit, and
    // objects that no entry uses. A dry run counts the same and removes nothing.
    [[nodiscard]] Result<Pruning> prune(const PruneRules& rules, DryRun dry_run = DryRun::no);
    // Compresses blobs that are rarely used: entries in Encoding::raw whose object is used only by
    // entries that are compressed too. Works on one after the other, each as a publication behind
    // the compile lock of its key; the time of its last use, and all else known about it, stays.
    // Evicts nothing. Leaves entries that would get smaller by less than a tenth. A dry run reads,
    // and estimates from samples which entries would be compressed, and their size. Calls
    // `progress` on the calling thread; Continue::no ends early. Errc::not_found if one of the keys
    // does not exist.
    [[nodiscard]] Result<Recoding> compress(const CompressRules& rules, DryRun dry_run = DryRun::no,
                                            const ProgressCallback& progress = {});
    // Changes entries back to Encoding::raw; evicts if there is no room, as any publication. A dry
    // run returns the size that they would take.
    [[nodiscard]] Result<Recoding> decompress(std::span<const Key> keys,
                                              DryRun dry_run = DryRun::no,
                                              const ProgressCallback& progress = {});
    // Pinned entries are neither evicted nor pruned. A pin outlives its entry.
    [[nodiscard]] Result<void> pin(const Key& key);
    [[nodiscard]] Result<void> unpin(const Key& key);
    [[nodiscard]] Result<std::set<Key>> pinned();
    // Returns the limit in bytes for this disk; 0: none.
    [[nodiscard]] std::uint64_t limit_bytes();
    // Returns when each entry was last requested, on this machine or, to the hour, on others.
    [[nodiscard]] Result<std::map<Key, std::int64_t>> last_uses();

private:
    explicit Store(std::unique_ptr<Context> context);

    std::unique_ptr<Context> context_;
};

}  // namespace larder::internal::store
