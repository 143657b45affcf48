// The state: what this machine remembers and can rebuild. Fingerprints by file, objects verified in
// this boot, and outcomes of requests. SQLite, under the user's state directory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/log.h"
#include "base/result.h"
#include "os/system.h"
#include "store/disk/history.h"
#include "store/disk/sightings.h"
#include "store/disk/types.h"
#include "store/disk/verify_journal.h"

namespace larder::internal::state {

using store::Eviction;
using store::Key;
using store::RequestHistory;
using store::Sighting;

// The end of one request. The store does not interpret the words.
struct Event {
    std::string larder_id;
    std::optional<Key> key;
    std::string model;
    std::string device;
    std::string outcome;         // "compiled", "loaded", "waited", "bypassed", "refused"
    std::string reason;          // of a miss, a bypass or a refusal
    std::uint64_t total_ms = 0;  // of the request
    std::int64_t saved_ms = 0;   // compile time not spent; negative if a load took longer
    std::uint64_t written_bytes = 0;
    std::int64_t at_ns = 0;  // since the epoch; 0: now
};

struct Usage {
    std::int64_t last_used_at_ns = 0;
    std::uint64_t hits = 0;  // requests that ended "loaded" or "waited"
};

// A model that programs request soon after another.
struct Follower {
    Key key;
    Digest object;          // of its entry at that time
    bool expected = false;  // it has followed often enough recently
};

// One request in the order of a program's requests.
struct Turn {
    std::string larder_id;
    Key key;
    std::optional<Digest> object{};  // absent: nothing worth expecting
    std::vector<Key> before{};       // requested before it by the same program, nearest first
};

// Sums over events that agree in all fields named here. A reason names no file: every temporary
// file has another name.
struct EventSum {
    std::string model;
    std::string device;
    std::string outcome;
    std::string reason;
    std::uint64_t count = 0;
    std::uint64_t total_ms = 0;
    std::int64_t saved_ms = 0;
    std::uint64_t written_bytes = 0;
};

// A load that took at least as long as compiling would have.
struct SlowLoad {
    std::string larder_id;
    Key key;
    std::int64_t began_ns = 0;  // since the epoch
    std::int64_t ended_ns = 0;  // as its Event::at_ns
    std::uint64_t spent_ms = 0;
};

struct SlowLoads {
    std::uint64_t count = 0;     // of minutes with a slow load
    std::uint64_t least_ms = 0;  // the least time that one of them spent
};

// Sums over evictions for one reason.
struct EvictionSum {
    std::uint64_t count = 0;
    std::uint64_t freed_bytes = 0;
    std::int64_t longest_idle_ns = 0;
    std::int64_t shortest_idle_ns = 0;
};

// Sums over one span of time.
struct SpanSums {
    std::vector<EventSum> events;  // by outcome alone
    EvictionSum evictions;
};

// How this machine has used a storage that machines share.
struct RemoteUse {
    std::string url;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t fetched_bytes = 0;
    std::uint64_t fetch_ms = 0;
    std::uint64_t sent = 0;  // entries
    std::uint64_t sent_bytes = 0;
    std::uint64_t failures = 0;
    std::uint64_t failures_in_row = 0;
    std::int64_t rests_until_ns = 0;  // not to be asked before; since the epoch
    std::string fault;                // the last one; empty if none was noted
    std::int64_t fault_at_ns = 0;
};

// An OpenVINO that a request of this machine was made with, its devices and their drivers.
struct RuntimeSeen {
    Digest facts;
    std::string openvino;  // its build; empty for a runtime that is not OpenVINO
    std::int64_t last_seen_ns = 0;
};

// Thread-safe, and safe with other processes. Opened on first use. After any fault (no permission,
// another program's lock, damage) it remembers nothing and never fails its caller; fault() says
// why.
class State final : public store::VerifiedMemory,
                    public store::History,
                    public store::VerifyJournal {
public:
    // If `directory` is empty, remembers nothing. `system` and `log` must outlive it.
    State(const os::System& system, Log& log, std::string directory);
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() override;

    // Returns the fingerprint of the file that has exactly this stamp. The caller must not remember
    // a file that was modified within the clock's granularity before it was read; see
    // os::is_settled.
    [[nodiscard]] std::optional<Digest> fingerprint(const os::FileStamp& stamp);
    void remember_fingerprint(const os::FileStamp& stamp, const Digest& digest);

    // Returns a short text that was derived from the file that has exactly this stamp. `kind` says
    // what it is, and in which version. Forgets texts of a file's earlier stamps, and stores at
    // most 16 kinds.
    [[nodiscard]] std::optional<std::string> derived(const os::FileStamp& stamp,
                                                     std::string_view kind);
    void remember_derived(const os::FileStamp& stamp, std::string_view kind,
                          std::string_view value);

    [[nodiscard]] bool contains(const os::FileStamp& stamp, const Digest& object) override;
    void remember(const os::FileStamp& stamp, const Digest& object) override;

    [[nodiscard]] std::set<Digest> checked(std::string_view larder_id) override;
    void note_checked(std::string_view larder_id, std::span<const Digest> objects) override;
    void forget_checked(std::string_view larder_id) override;

    void record(const Event& event);
    // By key, of one larder.
    [[nodiscard]] std::map<Key, Usage> usage(std::string_view larder_id);
    [[nodiscard]] std::vector<EventSum> summarise(std::string_view larder_id,
                                                  std::int64_t since_ns);
    // Returns the requests and evictions in each span of `interval_ns`, by the beginning of the
    // span; an interval of length 0 gives none.
    [[nodiscard]] std::map<std::int64_t, SpanSums> spans(std::string_view larder_id,
                                                         std::int64_t since_ns,
                                                         std::int64_t interval_ns);
    // Forgets all events and evictions, so that all counts are zero now. The use of entries, which
    // decides what is evicted, is remembered. Returns the fault if that failed.
    [[nodiscard]] Result<void> forget_events(std::string_view larder_id);
    // Returns the time of the oldest stored event; nothing without events.
    [[nodiscard]] std::optional<std::int64_t> first_event_ns(std::string_view larder_id);

    [[nodiscard]] std::map<Key, RequestHistory> requests(std::string_view larder_id) override;
    void record(std::string_view larder_id, std::span<const Eviction> evictions) override;
    // By reason.
    [[nodiscard]] std::map<std::string, EvictionSum> evictions(std::string_view larder_id,
                                                               std::int64_t since_ns);
    [[nodiscard]] bool may_say(std::string_view larder_id, std::string_view topic,
                               std::chrono::seconds interval) override;

    // Returns the models that followed the request for a key in earlier runs, in that order.
    [[nodiscard]] std::vector<Follower> followers(std::string_view larder_id, const Key& key);
    // After two runs in a row a follower is expected; after a few without it, no longer. To be
    // called once for each run and key.
    void learn(const Turn& turn);

    // Adds a slow load to those of its key. Counts those recorded since `since_ns` during which
    // this machine served no other request of the larder.
    [[nodiscard]] SlowLoads note_slow_load(const SlowLoad& load, std::int64_t since_ns);
    void forget_slow_loads(std::string_view larder_id, const Key& key);

    // Forgets the use of an entry that is gone.
    void forget(std::string_view larder_id, const Key& key);

    // Tells whether a sighting with the same files and stamps, not older than this, is recorded.
    [[nodiscard]] bool has_seen(const Sighting& sighting, std::int64_t not_before_ns);
    // Replaces the sighting of the same content at the same path.
    void see(const Sighting& sighting);
    [[nodiscard]] std::vector<Sighting> sightings(std::string_view larder_id);
    // Also forgets everything about its files.
    void forget(const Sighting& sighting);

    // Records the runtime of a request to any larder. Writes at most once an hour for equal facts.
    void note_runtime(const RuntimeSeen& runtime);
    // Returns those seen at this time or later, the latest first.
    [[nodiscard]] std::vector<RuntimeSeen> runtimes(std::int64_t since_ns);

    // Adds the counts of `use` to those of its URL. If there are any, the storage has answered, and
    // is asked again.
    void note_remote(const RemoteUse& use);
    // Records that a storage failed. After three failures in a row it rests: for a minute, and
    // twice as long after each further one, ten minutes at most.
    void note_remote_failure(std::string_view url, std::string_view fault, std::int64_t now_ns);
    // Records why entries of a storage that works were not taken.
    void note_remote_refusal(std::string_view url, std::string_view fault, std::int64_t now_ns);
    // By URL.
    [[nodiscard]] std::map<std::string, RemoteUse> remotes();

    // Returns the last fault; nothing if all is well.
    [[nodiscard]] std::optional<Error> fault();
    // Returns the path of the database file; empty if nothing is remembered.
    [[nodiscard]] std::string path() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace larder::internal::state
