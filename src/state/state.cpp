#include "state/state.h"

#include <utility>

#include "os/file_size_limit.h"
#include "state/database.h"

namespace larder::internal::state {
namespace {

// The number of events that are stored, the oldest forgotten first; and how many are added between
// two checks of that.
constexpr std::int64_t k_events_max = 100'000;
constexpr std::int64_t k_events_between_sweeps = 1'000;
// The same for followers.
constexpr std::int64_t k_followers_max = 10'000;
// Limits for the tables of requested keys, evicted entries and slow loads.
constexpr std::int64_t k_requests_max = 200'000;
constexpr std::int64_t k_evictions_max = 100'000;
constexpr std::int64_t k_slow_loads_max = 100'000;
// For one file with one content, so that a program cannot fill the table.
constexpr std::int64_t k_derived_of_file_max = 16;
// For all files: the longest unchanged ones are forgotten first, of which most are gone.
constexpr std::int64_t k_derived_max = 10'000;
// The belief that one model follows another, in thousandths: a run in which it does not follow
// takes three tenths away, and one in which it does adds 300 after that, so that the belief tends
// to 1000. After two runs with it the model is expected; three without it end that.
constexpr std::int64_t k_belief_won = 300;
constexpr std::int64_t k_belief_expected = 350;
constexpr std::int64_t k_belief_forgotten = 20;

}  // namespace

State::State(const os::System& system, Log& log, std::string directory)
    : impl_(std::make_unique<Impl>(system, log, std::move(directory))) {}

State::~State() {
    // Closing writes the write-ahead log to the database.
    const os::FileSizeLimitGuard guard;
    if (impl_->connection && impl_->opened_by != os::current_process_id()) {
        impl_->connection->abandon();
    }
    impl_.reset();
}

std::optional<Digest> State::fingerprint(const os::FileStamp& stamp) {
    std::optional<Digest> found;
    impl_->run(
        "SELECT digest FROM fingerprints WHERE device=?1 AND inode=?2 AND size=?3 AND mtime_ns=?4 "
        "AND ctime_ns=?5",
        [&](Statement& statement) { bind_stamp(statement, stamp); },
        [&](const Statement& row) { found = to_digest(row.blob(0)); });
    return found;
}

void State::remember_fingerprint(const os::FileStamp& stamp, const Digest& digest) {
    impl_->run("INSERT OR REPLACE INTO fingerprints VALUES(?1,?2,?3,?4,?5,?6)",
               [&](Statement& statement) { bind_stamp(statement, stamp).bind(digest.bytes); });
}

std::optional<std::string> State::derived(const os::FileStamp& stamp, std::string_view kind) {
    std::optional<std::string> found;
    impl_->run(
        "SELECT value FROM derived WHERE device=?1 AND inode=?2 AND size=?3 AND mtime_ns=?4 AND "
        "ctime_ns=?5 AND kind=?6",
        [&](Statement& statement) { bind_stamp(statement, stamp).bind(kind); },
        [&](const Statement& row) { found = row.text(0); });
    return found;
}

void State::remember_derived(const os::FileStamp& stamp, std::string_view kind,
                             std::string_view value) {
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(
            connection,
            "DELETE FROM derived WHERE device=?1 AND inode=?2 AND (size<>?3 OR mtime_ns<>?4 OR "
            "ctime_ns<>?5)",
            [&](Statement& statement) { bind_stamp(statement, stamp); });
        if (!done) return done;
        // Any others may be deleted: they can be computed again.
        done = Impl::query(
            connection,
            "DELETE FROM derived WHERE device=?1 AND inode=?2 AND kind IN (SELECT kind FROM "
            "derived WHERE device=?1 AND inode=?2 AND kind<>?3 ORDER BY kind LIMIT -1 OFFSET ?4)",
            [&](Statement& statement) {
                statement.bind(stamp.device)
                    .bind(stamp.inode)
                    .bind(kind)
                    .bind(k_derived_of_file_max - 1);
            });
        if (!done) return done;
        return Impl::query(
            connection,
            "INSERT OR REPLACE INTO derived(device,inode,size,mtime_ns,ctime_ns,kind,value) "
            "VALUES(?1,?2,?3,?4,?5,?6,?7)",
            [&](Statement& statement) { bind_stamp(statement, stamp).bind(kind).bind(value); });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

bool State::contains(const os::FileStamp& stamp, const Digest& object) {
    bool found = false;
    impl_->run(
        "SELECT 1 FROM verified WHERE device=?1 AND inode=?2 AND size=?3 AND mtime_ns=?4 AND "
        "ctime_ns=?5 AND object=?6 AND boot_id=?7 AND boot_id<>''",
        [&](Statement& statement) {
            bind_stamp(statement, stamp)
                .bind(object.bytes)
                .bind(std::string_view(impl_->system.process.boot_id));
        },
        [&](const Statement&) { found = true; });
    return found;
}

void State::remember(const os::FileStamp& stamp, const Digest& object) {
    impl_->run("INSERT OR REPLACE INTO verified VALUES(?1,?2,?3,?4,?5,?6,?7)",
               [&](Statement& statement) {
                   bind_stamp(statement, stamp)
                       .bind(object.bytes)
                       .bind(std::string_view(impl_->system.process.boot_id));
               });
}

namespace {

template <typename Value>
Result<void> run(Connection& connection, const char* sql, Value value) {
    auto prepared = connection.prepare(sql);
    if (!prepared) return fail(std::move(prepared.error()));
    static_cast<void>(Statement(*prepared).bind(value).step());
    return {};
}

Result<void> sweep(Connection& connection, std::int64_t newest, std::string_view boot_id) {
    constexpr const char* k_old_events = "DELETE FROM events WHERE id<=?1";
    constexpr const char* k_old_boots = "DELETE FROM verified WHERE boot_id<>?1";
    constexpr const char* k_old_followers =
        "DELETE FROM followers WHERE last_seen_ns<=(SELECT last_seen_ns FROM followers ORDER BY "
        "last_seen_ns DESC LIMIT 1 OFFSET ?1)";
    constexpr const char* k_old_derived =
        "DELETE FROM derived WHERE ctime_ns<=(SELECT ctime_ns FROM derived ORDER BY ctime_ns DESC "
        "LIMIT 1 OFFSET ?1)";
    constexpr const char* k_old_slow_loads =
        "DELETE FROM slow_loads WHERE id<=(SELECT max(id) FROM slow_loads)-?1";
    constexpr const char* k_old_requests =
        "DELETE FROM requests WHERE last_ns<=(SELECT last_ns FROM requests ORDER BY last_ns DESC "
        "LIMIT 1 OFFSET ?1)";
    constexpr const char* k_old_evictions =
        "DELETE FROM evictions WHERE id<=(SELECT max(id) FROM evictions)-?1";
    auto done = run(connection, k_old_events, newest - k_events_max);
    if (done) done = run(connection, k_old_boots, boot_id);
    if (done) done = run(connection, k_old_followers, k_followers_max);
    if (done) done = run(connection, k_old_derived, k_derived_max);
    if (done) done = run(connection, k_old_slow_loads, k_slow_loads_max);
    if (done) done = run(connection, k_old_requests, k_requests_max);
    if (done) done = run(connection, k_old_evictions, k_evictions_max);
    return done;
}

// Returns a reason without the files that it names in quotes: temporary files have random names,
// and every one of them would be a reason of its own.
std::string without_paths(std::string reason) {
    constexpr std::string_view k_begin = " '/";
    for (auto at = reason.find(k_begin); at != std::string::npos; at = reason.find(k_begin, at)) {
        const auto end = reason.find('\'', at + k_begin.size());
        if (end == std::string::npos) break;
        reason.erase(at, end + 1 - at);
    }
    return reason;
}

}  // namespace

void State::record(const Event& event) {
    const std::int64_t at_ns = event.at_ns != 0 ? event.at_ns : impl_->system.clock.wall().count();
    const bool hit = event.outcome == "loaded" || event.outcome == "waited";
    const auto work = [&](Connection& connection) -> Result<void> {
        std::int64_t id = 0;
        auto written = Impl::query(
            connection,
            "INSERT INTO events VALUES(NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) RETURNING id",
            [&](Statement& statement) {
                statement.bind(at_ns).bind(std::string_view(event.larder_id));
                if (event.key) {
                    statement.bind(event.key->digest.bytes);
                } else {
                    statement.bind_null();
                }
                statement.bind(std::string_view(event.model))
                    .bind(std::string_view(event.device))
                    .bind(std::string_view(event.outcome))
                    .bind(std::string_view(event.reason))
                    .bind(event.total_ms)
                    .bind(event.saved_ms)
                    .bind(event.written_bytes);
            },
            [&](const Statement& row) { id = row.integer(0); });
        if (!written) return written;
        if (id % k_events_between_sweeps == 0) {
            written = sweep(connection, id, impl_->system.process.boot_id);
            if (!written) return written;
        }
        if (!event.key) return {};
        written = Impl::note_request(connection, event.larder_id, *event.key, at_ns);
        if (!written) return written;
        return Impl::query(connection,
                           "INSERT INTO uses VALUES(?1,?2,?3,?4) ON CONFLICT DO UPDATE SET "
                           "last_used_ns=max(last_used_ns,?3), hits=hits+?4",
                           [&](Statement& statement) {
                               statement.bind(std::string_view(event.larder_id))
                                   .bind(event.key->digest.bytes)
                                   .bind(at_ns)
                                   .bind(std::int64_t{hit ? 1 : 0});
                           });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

std::map<Key, Usage> State::usage(std::string_view larder_id) {
    std::map<Key, Usage> usage;
    impl_->run(
        "SELECT key,last_used_ns,hits FROM uses WHERE larder_id=?1",
        [&](Statement& statement) { statement.bind(larder_id); },
        [&](const Statement& row) {
            if (const auto key = to_digest(row.blob(0))) {
                usage[Key{*key}] = {row.integer(1), row.count(2)};
            }
        });
    return usage;
}

std::vector<EventSum> State::summarise(std::string_view larder_id, std::int64_t since_ns) {
    std::vector<EventSum> sums;
    impl_->run(
        "SELECT model,device,outcome,reason,count(*),sum(total_ms),sum(saved_ms),"
        "sum(written_bytes) FROM events WHERE larder_id=?1 AND at_ns>=?2 "
        "GROUP BY model,device,outcome,reason ORDER BY model,device,outcome,reason",
        [&](Statement& statement) { statement.bind(larder_id).bind(since_ns); },
        [&](const Statement& row) {
            sums.push_back({row.text(0), row.text(1), row.text(2), without_paths(row.text(3)),
                            row.count(4), row.count(5), row.integer(6), row.count(7)});
        });
    return sums;
}

Result<void> State::forget_events(std::string_view larder_id) {
    Result<void> done;
    const auto values = [&](Statement& statement) { statement.bind(larder_id); };
    const auto work = [&](Connection& connection) -> Result<void> {
        done = Impl::query(connection, "DELETE FROM events WHERE larder_id=?1", values);
        if (!done) return done;
        done = Impl::query(connection, "DELETE FROM evictions WHERE larder_id=?1", values);
        return done;
    };
    const bool ran = impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
    if (ran) return {};
    if (!done) return done;
    if (auto known = fault()) return fail(std::move(*known));
    return fail(Errc::busy, "another process uses the state database", path(), "try again");
}

std::optional<std::int64_t> State::first_event_ns(std::string_view larder_id) {
    std::optional<std::int64_t> first;
    impl_->run(
        "SELECT at_ns FROM events WHERE larder_id=?1 ORDER BY at_ns LIMIT 1",
        [&](Statement& statement) { statement.bind(larder_id); },
        [&](const Statement& row) { first = row.integer(0); });
    return first;
}

std::vector<Follower> State::followers(std::string_view larder_id, const Key& key) {
    std::vector<Follower> followers;
    impl_->run(
        "SELECT next,object,belief FROM followers WHERE larder_id=?1 AND key=?2 ORDER BY distance",
        [&](Statement& statement) { statement.bind(larder_id).bind(key.digest.bytes); },
        [&](const Statement& row) {
            const auto next = to_digest(row.blob(0));
            const auto object = to_digest(row.blob(1));
            if (!next || !object) return;
            followers.push_back({Key{*next}, *object, row.integer(2) >= k_belief_expected});
        });
    return followers;
}

void State::learn(const Turn& turn) {
    const std::string_view larder_id = turn.larder_id;
    const auto now_ns = impl_->system.clock.wall().count();
    const auto work = [&](Connection& connection) -> Result<void> {
        // Reduces the belief in all followers; those that are requested in this run regain it.
        auto done = Impl::query(
            connection, "UPDATE followers SET belief=belief*7/10 WHERE larder_id=?1 AND key=?2",
            [&](Statement& statement) { statement.bind(larder_id).bind(turn.key.digest.bytes); });
        if (!done) return done;
        done = Impl::query(
            connection, "DELETE FROM followers WHERE larder_id=?1 AND key=?2 AND belief<?3",
            [&](Statement& statement) {
                statement.bind(larder_id).bind(turn.key.digest.bytes).bind(k_belief_forgotten);
            });
        if (!turn.object) return done;
        std::int64_t distance = 0;
        for (const auto& earlier : turn.before) {
            ++distance;
            if (!done) return done;
            done = Impl::query(connection,
                               "INSERT INTO followers VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO "
                               "UPDATE SET object=?4, distance=?5, belief=belief+?6, "
                               "last_seen_ns=?7",
                               [&](Statement& statement) {
                                   statement.bind(larder_id)
                                       .bind(earlier.digest.bytes)
                                       .bind(turn.key.digest.bytes)
                                       .bind(turn.object->bytes)
                                       .bind(distance)
                                       .bind(k_belief_won)
                                       .bind(now_ns);
                               });
        }
        return done;
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

void State::forget(std::string_view larder_id, const Key& key) {
    const auto values = [&](Statement& statement) {
        statement.bind(larder_id).bind(key.digest.bytes);
    };
    impl_->run("DELETE FROM uses WHERE larder_id=?1 AND key=?2", values);
    impl_->run("DELETE FROM followers WHERE larder_id=?1 AND (key=?2 OR next=?2)", values);
    impl_->run("DELETE FROM slow_loads WHERE larder_id=?1 AND key=?2", values);
}

std::optional<Error> State::fault() {
    // Opens the database, because a fault shows only then.
    impl_->run([](Connection&) { return Result<void>{}; });
    const std::lock_guard lock(impl_->mutex);
    return impl_->last_fault;
}

std::string State::path() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->file;
}

}  // namespace larder::internal::state
