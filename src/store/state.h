// What this machine remembers and can rebuild: which file had which fingerprint, what was verified
// in this boot, and how requests ended. SQLite, under the user's state directory.
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
#include "store/history.h"
#include "store/sightings.h"
#include "store/types.h"
#include "store/verify_journal.h"

namespace larder::internal::store {

// How one request ended. The store does not know what the words mean.
struct Event {
    std::string larder_id;
    std::optional<Key> key;
    std::string model;
    std::string device;
    std::string outcome;         // "compiled", "loaded", "waited", "bypassed"
    std::string reason;          // of a miss or a bypass
    std::uint64_t total_ms = 0;  // what the request took
    std::int64_t saved_ms = 0;   // compile time not spent; negative where a load took longer
    std::uint64_t written_bytes = 0;
    std::int64_t at_ns = 0;  // since the epoch; 0: now
};

struct Usage {
    std::int64_t last_used_at_ns = 0;
    std::uint64_t hits = 0;  // requests that ended "loaded" or "waited"
};

// A model that programs ask for soon after another.
struct Follower {
    Key key;
    Digest object;          // what its entry held then
    bool expected = false;  // it followed often enough of late
};

// One request in the order of a program's requests.
struct Turn {
    std::string larder_id;
    Key key;
    std::optional<Digest> object{};  // absent: nothing that is worth to be expected
    std::vector<Key> before{};       // asked for before it by the same program, the nearest first
};

// Sums over events that agree in everything that is named here.
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

// A load that took no less than compiling would have.
struct SlowLoad {
    std::string larder_id;
    Key key;
    std::int64_t began_ns = 0;  // since the epoch
    std::int64_t ended_ns = 0;  // as its Event::at_ns
    std::uint64_t spent_ms = 0;
};

struct SlowLoads {
    std::uint64_t count = 0;     // of minutes with one
    std::uint64_t least_ms = 0;  // that one of them spent
};

// Sums over evictions for one reason.
struct EvictionSum {
    std::uint64_t count = 0;
    std::uint64_t freed_bytes = 0;
    std::int64_t longest_idle_ns = 0;
    std::int64_t shortest_idle_ns = 0;
};

// What happened in one span of time.
struct SpanSums {
    std::vector<EventSum> events;  // by outcome alone
    EvictionSum evictions;
};

// What requests of this machine are made for: an OpenVINO, its devices and their drivers.
struct RuntimeSeen {
    Digest facts;
    std::string openvino;  // its build; empty where another runtime was asked
    std::int64_t last_seen_ns = 0;
};

// Thread-safe, and safe with other processes. Opened on first use. Whatever goes wrong (no
// permission, another program's lock, damage), it remembers nothing and never fails its caller;
// fault() says why.
class State final : public VerifiedMemory, public History, public VerifyJournal {
public:
    // Empty `directory`: remembers nothing. `system` and `log` must outlive it.
    State(const os::System& system, Log& log, std::string directory);
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() override;

    // The fingerprint of the file that has exactly this stamp. The caller does not remember a file
    // that was modified within the clock's granularity of being read; see os::is_settled.
    [[nodiscard]] std::optional<Digest> fingerprint(const os::FileStamp& stamp);
    void remember_fingerprint(const os::FileStamp& stamp, const Digest& digest);

    // A short text that was worked out from the file that has exactly this stamp. `kind` says what
    // it is, and in which version. Nothing is remembered of a file's earlier stamps, and not more
    // than 16 kinds.
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
    // What was requested and evicted in each span of `interval_ns`, by when that began; an interval
    // of no length is none.
    [[nodiscard]] std::map<std::int64_t, SpanSums> spans(std::string_view larder_id,
                                                         std::int64_t since_ns,
                                                         std::int64_t interval_ns);
    // When the first event still known happened; absent without any.
    [[nodiscard]] std::optional<std::int64_t> first_event_ns(std::string_view larder_id);

    [[nodiscard]] std::map<Key, RequestHistory> requests(std::string_view larder_id) override;
    void record(std::string_view larder_id, std::span<const Eviction> evictions) override;
    // By reason.
    [[nodiscard]] std::map<std::string, EvictionSum> evictions(std::string_view larder_id,
                                                               std::int64_t since_ns);
    [[nodiscard]] bool may_say(std::string_view larder_id, std::string_view topic,
                               std::chrono::seconds interval) override;

    // What followed the request for a key in earlier runs, in that order.
    [[nodiscard]] std::vector<Follower> followers(std::string_view larder_id, const Key& key);
    // Two runs in a row teach what follows; a few without it, that it no longer does. One call a
    // run and key.
    void learn(const Turn& turn);

    // Adds one to those of its key. Of all that were noted since `since_ns`, those count in whose
    // time no other request of the larder was served on this machine.
    [[nodiscard]] SlowLoads note_slow_load(const SlowLoad& load, std::int64_t since_ns);
    void forget_slow_loads(std::string_view larder_id, const Key& key);

    // The entry is gone: so is what was known of its use.
    void forget(std::string_view larder_id, const Key& key);

    // Whether a sighting with the same files and stamps, no older than this, is known.
    [[nodiscard]] bool has_seen(const Sighting& sighting, std::int64_t not_before_ns);
    // Replaces what was seen of the same content at the same path.
    void see(const Sighting& sighting);
    [[nodiscard]] std::vector<Sighting> sightings(std::string_view larder_id);
    // And all that was remembered of its files.
    void forget(const Sighting& sighting);

    // Of any larder. Writes no more than once an hour for the same facts.
    void note_runtime(const RuntimeSeen& runtime);
    // Those seen at this time or later.
    [[nodiscard]] std::vector<RuntimeSeen> runtimes(std::int64_t since_ns);

    // The last thing that went wrong; absent while all is well.
    [[nodiscard]] std::optional<Error> fault();
    // The database file; empty where nothing is remembered.
    [[nodiscard]] std::string path() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace larder::internal::store
