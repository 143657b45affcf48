// The part of State that serves the limit: requests by key, evictions, and messages already shown.
#include <utility>

#include "state/database.h"

namespace larder::internal::state {

std::map<Key, RequestHistory> State::requests(std::string_view larder_id) {
    std::map<Key, RequestHistory> requests;
    impl_->run(
        "SELECT key,last_ns,interval_ns FROM requests WHERE larder_id=?1",
        [&](Statement& statement) { statement.bind(larder_id); },
        [&](const Statement& row) {
            const auto key = to_digest(row.blob(0));
            if (key) requests[Key{*key}] = {row.integer(1), row.integer(2)};
        });
    return requests;
}

Result<void> State::Impl::note_request(Connection& connection, std::string_view larder_id,
                                       const Key& key, std::int64_t at_ns) {
    RequestHistory before;
    auto done = query(
        connection, "SELECT last_ns,interval_ns FROM requests WHERE larder_id=?1 AND key=?2",
        [&](Statement& statement) { statement.bind(larder_id).bind(key.digest.bytes); },
        [&](const Statement& row) { before = {row.integer(0), row.integer(1)}; });
    if (!done) return done;
    const auto after = with_request(before, at_ns);
    return query(connection, "INSERT OR REPLACE INTO requests VALUES(?1,?2,?3,?4)",
                 [&](Statement& statement) {
                     statement.bind(larder_id)
                         .bind(key.digest.bytes)
                         .bind(after.last_ns)
                         .bind(after.interval_ns);
                 });
}

void State::record(std::string_view larder_id, std::span<const Eviction> evictions) {
    if (evictions.empty()) return;
    const auto at_ns = impl_->system.clock.wall().count();
    const auto work = [&](Connection& connection) -> Result<void> {
        for (const auto& eviction : evictions) {
            auto done =
                Impl::query(connection, "INSERT INTO evictions VALUES(NULL,?1,?2,?3,?4,?5,?6,?7)",
                            [&](Statement& statement) {
                                statement.bind(at_ns)
                                    .bind(larder_id)
                                    .bind(eviction.key.digest.bytes)
                                    .bind(eviction.freed_bytes)
                                    .bind(std::string_view(eviction.reason))
                                    .bind(eviction.idle_ns)
                                    .bind(eviction.age_ns);
                            });
            if (!done) return done;
        }
        return {};
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

std::map<std::string, EvictionSum> State::evictions(std::string_view larder_id,
                                                    std::int64_t since_ns) {
    std::map<std::string, EvictionSum> sums;
    impl_->run(
        "SELECT reason,count(*),sum(freed_bytes),max(idle_ns),min(idle_ns) FROM evictions WHERE "
        "larder_id=?1 AND at_ns>=?2 GROUP BY reason",
        [&](Statement& statement) { statement.bind(larder_id).bind(since_ns); },
        [&](const Statement& row) {
            sums[row.text(0)] = {row.count(1), row.count(2), row.integer(3), row.integer(4)};
        });
    return sums;
}

std::map<std::int64_t, SpanSums> State::spans(std::string_view larder_id, std::int64_t since_ns,
                                              std::int64_t interval_ns) {
    std::map<std::int64_t, SpanSums> spans;
    if (interval_ns <= 0) return spans;
    const auto values = [&](Statement& statement) {
        statement.bind(larder_id).bind(since_ns).bind(interval_ns);
    };
    impl_->run(
        "SELECT at_ns/?3*?3 AS begin_ns,outcome,count(*),sum(total_ms),sum(saved_ms),"
        "sum(written_bytes) FROM events WHERE larder_id=?1 AND at_ns>=?2 GROUP BY begin_ns,outcome",
        values, [&](const Statement& row) {
            EventSum sum;
            sum.outcome = row.text(1);
            sum.count = row.count(2);
            sum.total_ms = row.count(3);
            sum.saved_ms = row.integer(4);
            sum.written_bytes = row.count(5);
            spans[row.integer(0)].events.push_back(std::move(sum));
        });
    impl_->run(
        "SELECT at_ns/?3*?3 AS begin_ns,count(*),sum(freed_bytes),max(idle_ns),min(idle_ns) FROM "
        "evictions WHERE larder_id=?1 AND at_ns>=?2 GROUP BY begin_ns",
        values, [&](const Statement& row) {
            spans[row.integer(0)].evictions = {row.count(1), row.count(2), row.integer(3),
                                               row.integer(4)};
        });
    return spans;
}

bool State::may_say(std::string_view larder_id, std::string_view topic,
                    std::chrono::seconds interval) {
    const auto now_ns = impl_->system.clock.wall().count();
    bool may = false;
    const bool known = impl_->run(
        "INSERT INTO said VALUES(?1,?2,?3) ON CONFLICT DO UPDATE SET at_ns=?3 WHERE at_ns<?4 OR "
        "at_ns>?3 RETURNING 1",
        [&](Statement& statement) {
            statement.bind(larder_id).bind(topic).bind(now_ns).bind(
                now_ns - std::chrono::nanoseconds(interval).count());
        },
        [&](const Statement&) { may = true; });
    // If this is unknown, shows the message rather twice than never.
    return may || !known;
}

}  // namespace larder::internal::state
