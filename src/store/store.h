// A larder on disk (docs/format.md): objects, the entries that name them, and everything that keeps
// both whole while processes publish, read, crash and run out of space (docs/crash-safety.md).
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
#include "store/administration.h"
#include "store/flight.h"
#include "store/history.h"
#include "store/presence.h"
#include "store/private_directory.h"
#include "store/publish.h"
#include "store/referring.h"
#include "store/scratch_file.h"
#include "store/trials.h"
#include "store/types.h"

namespace larder::internal::store {

// What to do where there is no larder yet.
enum class Creation { when_absent, never };

struct OpenOptions {
    std::string directory{};
    // Where this machine notes what it cannot write into a larder that is read-only: trials, and
    // objects set aside. Empty: nowhere.
    std::string state_directory{};
    Access access = Access::read_write;
    Creation creation = Creation::when_absent;  // with Access::read_write only
    unsigned threads = reader_threads();        // for reading and hashing
    // What the larder may hold, and what must stay free of its disk: publishing evicts what is
    // worth least, or keeps nothing.
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
    // Opens a larder; with Access::read_write, makes one where the directory is absent or empty,
    // and sweeps what dead processes left in `tmp/`. Where it cannot be written (a read-only mount,
    // another user's directory) it is opened for reading, see access(). A directory that is absent
    // or empty, and stays so, is an empty larder for reading.
    // Errc::invalid_argument: a file, or a directory that is no larder. Errc::unsupported: a newer
    // format. Errc::permission_denied: unreadable, or everybody can write to it. In one that its
    // group can write to, so is all that is made. `system`, `log`, `memory` must outlive the store.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(const os::System& system, Log& log,
                                                             VerifiedMemory& memory,
                                                             const OpenOptions& options);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    [[nodiscard]] const std::string& directory() const;
    // Random, made with the larder; empty where there is none to read.
    [[nodiscard]] const std::string& id() const;
    [[nodiscard]] Access access() const;
    // Why it is open for reading although writing was asked for.
    [[nodiscard]] const std::optional<Error>& read_only_reason() const;

    // ── Reading ──────────────────────────────────────────────────────────────────────────────────

    // Opens and reads one file, whatever the number of entries. An entry that is damaged is moved
    // to quarantine and is a miss with a fault; so is one of a newer format, which is left alone,
    // one that cannot be read, and one whose object this machine has set aside.
    [[nodiscard]] Lookup find(const Key& key);

    // Opens, checks and maps the object of a part of the entry `key`.
    // Errc::not_found: it is not there; the entry is left for publish to replace. Errc::damaged:
    // its bytes are not what its name says; object and entry are in quarantine (in a larder that is
    // read-only: on this machine's list), so that the next find is a miss.
    [[nodiscard]] Result<MappedObject> open_object(const Key& key, const Part& part,
                                                   VerifyPolicy policy);

    // As open_object, of all of an entry's blob: of its one object in Encoding::raw and, undone
    // into memory, in Encoding::compressed; in Encoding::referring of the objects that make it up,
    // any of which may be missing or damaged, and of what `find` finds, whose errors are passed on.
    // Errc::unsupported in Encoding::variant.
    [[nodiscard]] Result<MappedObject> open_blob(const Manifest& manifest, VerifyPolicy policy,
                                                 const SourceFinder& find = {});

    // Objects that a new blob of these families (Publication::families) may refer to, verified and
    // mapped; of each family the newest first. What is wrong with one is left for whoever needs it
    // to find.
    [[nodiscard]] std::vector<MappedObject> shareable(std::span<const Digest> families);

    // Reads an object, and those that it refers to, or `bytes_max` of them, into the page cache,
    // at the disk's pace, so that whoever opens it soon does not wait. Changes and remembers
    // nothing, takes no lock: what is wrong with the object is left for open_object to find. `step`
    // is asked before each few megabytes; Continue::no ends it. How many bytes were read.
    [[nodiscard]] Result<std::uint64_t> read_ahead(const Digest& object, std::uint64_t bytes_max,
                                                   const std::function<Continue()>& step);

    // The same for the files of a model that an entry refers to, where they lie as they did when it
    // was kept. Nothing for other entries.
    [[nodiscard]] Result<std::uint64_t> read_model_ahead(const Key& key, std::uint64_t bytes_max,
                                                         const std::function<Continue()>& step);

    // Sets aside an object that is of no use although its bytes are right: it is refused by the
    // runtime, or takes the process down. Removes the entry and the object's trials. Nothing
    // happens if somebody else already did, or if `seen` (MappedObject::stamp) is given and the
    // object has been published anew since. Errc::busy if others keep the larder locked.
    [[nodiscard]] Result<void> quarantine(const Key& key, const Part& part, std::string_view reason,
                                          const std::optional<os::FileStamp>& seen = {});

    // The entries whose objects were set aside, damaged or not, and which were not published anew
    // since.
    [[nodiscard]] Result<std::vector<Manifest>> entries_set_aside() const;
    // One that nobody wants back.
    void forget_entry_set_aside(const Key& key);

    // Leaves a mark that others who share the larder see: at most once an hour. Never fails.
    void mark_used(const Key& key) noexcept;

    // ── Writing ──────────────────────────────────────────────────────────────────────────────────
    // In a larder open for reading, all of these are Errc::read_only.

    // Waits until this is the only holder of the key's lock. The first attempt never sleeps.
    // Errc::timed_out after `timeout` (0: one attempt).
    // `purpose` is what others are told of it, in words.
    [[nodiscard]] Result<Flight> flight(const Key& key, std::chrono::nanoseconds timeout,
                                        std::string_view purpose = {});
    // Who holds the lock of this key, and of any, for a purpose that was told.
    [[nodiscard]] std::optional<FlightHolder> flight_holder(const Key& key) const;
    [[nodiscard]] std::vector<FlightHolder> flight_holders() const;

    // Returns once the entry and its objects survive power loss; replaces an entry of the same key,
    // and then removes objects that only the old one used. On an error nothing is left behind, and
    // what was there before still is; but if only the last sync failed, the new entry can be seen,
    // and may not survive. Needs no flight: the last publisher wins.
    // Evicts where the larder would grow beyond its limit, or the disk has too little left.
    // Errc::no_space if that is not enough: it is not kept.
    // Errc::not_found: a part in `kept` is not an object (any more).
    [[nodiscard]] Result<Manifest> publish(const Publication& publication);

    // What somebody on this machine is publishing as this part just now (PartSource::content), open
    // for reading. It may not be whole, and is durable only once it is synced. Errc::not_found.
    [[nodiscard]] Result<std::unique_ptr<os::File>> open_staged(const Part& part);

    // Whether there is such an object; says nothing of its bytes.
    [[nodiscard]] bool has_object(const Digest& object) const;
    // Whether an open file is what an object's name stands for now.
    [[nodiscard]] bool is_object(const Digest& object, os::File& file);

    // Whether so much more can be kept, beside what is there, within the limit and the floor. Never
    // evicts; false where that cannot be told.
    [[nodiscard]] bool has_room(std::uint64_t bytes);

    // ── Who else is there ────────────────────────────────────────────────────────────────────────

    // See tmp_file.h.
    [[nodiscard]] Result<bool> locks_exclude();
    // Lets others on this machine know, for as long as what it returns lives, that this process
    // uses a key. In a larder open for reading, others with the same state directory.
    [[nodiscard]] Result<Presence> announce(const Key& key);
    // Whether there is an announcement of it that is alive, but for those in `own_paths`,
    // Presence::path().
    [[nodiscard]] bool is_announced_by_others(const Key& key,
                                              const std::set<std::string>& own_paths);

    // ── Trials ───────────────────────────────────────────────────────────────────────────────────
    // Kept in the larder, or on this machine if that is read-only. None of them ever waits.

    // To be begun before an object is used for the first time, and ended when the process has
    // survived it. The trial of a key: its model is compiled where its object may have crashed.
    [[nodiscard]] Result<Trial> begin_trial(const Digest& subject);
    // Trials of the object, or of the key, in which the process crashed, within the last day.
    [[nodiscard]] Result<CrashCount> count_crashes(const Digest& subject);
    // An object that was used without harm needs no more trials.
    [[nodiscard]] Result<void> mark_proven(const Digest& object);
    [[nodiscard]] bool is_proven(const Digest& object);

    // ── Private directories, for Encoding::files ─────────────────────────────────────────────────

    // A directory that holds the parts of `manifest`, verified, each under its name; an empty one
    // for nullptr. Errors as of open_object, Errc::not_found too. In a larder open for reading it
    // stands in the state directory.
    [[nodiscard]] Result<PrivateDirectory> materialise(const Manifest* manifest,
                                                       VerifyPolicy policy);
    // Adds the parts of `manifest` for which the directory has no file, verified: copies, each of
    // which appears whole, while the device uses the directory. How many; errors as of materialise.
    [[nodiscard]] Result<std::size_t> add_parts(PrivateDirectory& directory,
                                                const Manifest& manifest);
    // What the directory holds now. An object that was written to in place is set aside, and its
    // file counts as fresh.
    [[nodiscard]] Result<Harvest> harvest(const PrivateDirectory& directory);

    // An empty file in `tmp/`, whose name ends in `suffix`; what a process that dies leaves is
    // swept. In a larder open for reading it stands in the state directory.
    [[nodiscard]] Result<ScratchFile> scratch_file(std::string_view suffix);

    // ── Administration ───────────────────────────────────────────────────────────────────────────

    // Reads every manifest, in no particular order, until told to stop. `visit` is called by
    // several threads, by one at a time.
    [[nodiscard]] Result<void> for_each_entry(const std::function<Continue(ListedEntry&)>& visit,
                                              ManifestDetail detail = ManifestDetail::whole);
    // ListedEntry::used_at_ns of one entry.
    [[nodiscard]] std::int64_t used_at_ns(const Manifest& manifest);
    // The keys that begin with `prefix`, in order. From two characters on it reads one directory.
    // Errc::invalid_argument unless it is lower-case hexadecimal.
    [[nodiscard]] Result<std::vector<Key>> find_keys(std::string_view prefix);
    // Examines every file, reads none.
    [[nodiscard]] Result<Totals> totals();
    // Reads every byte of the entries given, or of everything if none is. Damaged objects and
    // manifests go to quarantine. `progress` is called on the calling thread, at least every
    // second or so of work; Continue::no ends early, with what was found so far.
    [[nodiscard]] Result<VerifyReport> verify(std::span<const Key> keys,
                                              const ProgressCallback& progress = {},
                                              const VerifyOptions& options = {});
    // Removes entries, and the objects that no other entry uses. Errc::not_found, and nothing
    // removed, if one of them does not exist. A dry run counts the same and removes nothing.
    [[nodiscard]] Result<Removal> remove(std::span<const Key> keys, DryRun dry_run = DryRun::no);
    // Takes away by rule: what `rules` name, then what is worth least down to the limit, and
    // whatever no entry uses. A dry run counts the same and takes nothing away.
    [[nodiscard]] Result<Pruning> prune(const PruneRules& rules, DryRun dry_run = DryRun::no);
    // Keeps blobs compressed that are rarely used: entries in Encoding::raw, whose object no other
    // entry uses, unless that is compressed too. One after the other, each as a publication, behind
    // the flight of its key; when it was used last, and all else that is known of it, stays. Evicts
    // nothing. What gets less than a tenth smaller is left. A dry run reads, and estimates from
    // samples which entries it would be, and what they would take. `progress` is called on the
    // calling thread; Continue::no ends early. Errc::not_found if one of the keys does not exist.
    [[nodiscard]] Result<Recoding> compress(const CompressRules& rules, DryRun dry_run = DryRun::no,
                                            const ProgressCallback& progress = {});
    // Back to Encoding::raw; evicts where there is no room for it, as any publication. A dry run
    // says what it would take.
    [[nodiscard]] Result<Recoding> decompress(std::span<const Key> keys,
                                              DryRun dry_run = DryRun::no,
                                              const ProgressCallback& progress = {});
    // Neither the limit nor a rule takes a pinned entry away. A pin outlives its entry.
    [[nodiscard]] Result<void> pin(const Key& key);
    [[nodiscard]] Result<void> unpin(const Key& key);
    [[nodiscard]] Result<std::set<Key>> pinned();
    // The limit, worked out for this disk; 0: none.
    [[nodiscard]] std::uint64_t limit_bytes();
    // When each entry was asked for last, on this machine or, to the hour, on others.
    [[nodiscard]] Result<std::map<Key, std::int64_t>> last_uses();
    // Removes objects that no entry uses.
    [[nodiscard]] Result<Removal> collect_garbage(DryRun dry_run = DryRun::no);

private:
    explicit Store(std::unique_ptr<Context> context);

    std::unique_ptr<Context> context_;
};

}  // namespace larder::internal::store
