// The part of State that records loads that were no faster than compiling.
#include "state/database.h"

namespace larder::internal::state {
namespace {

// Many times what the rule of a key needs; older ones are forgotten.
constexpr std::int64_t k_slow_loads_of_key_max = 100;
// No request that overlaps with another is assumed to take longer than this.
constexpr std::int64_t k_request_ns_max = std::int64_t{600} * 1'000'000'000;

}  // namespace

SlowLoads State::note_slow_load(const SlowLoad& load, std::int64_t since_ns) {
    SlowLoads found;
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(connection, "INSERT INTO slow_loads VALUES(NULL,?1,?2,?3,?4,?5)",
                                [&](Statement& statement) {
                                    statement.bind(std::string_view(load.larder_id))
                                        .bind(load.key.digest.bytes)
                                        .bind(load.began_ns)
                                        .bind(load.ended_ns)
                                        .bind(load.spent_ms);
                                });
        if (!done) return done;
        done = Impl::query(
            connection,
            "DELETE FROM slow_loads WHERE larder_id=?1 AND key=?2 AND id NOT IN (SELECT id FROM "
            "slow_loads WHERE larder_id=?1 AND key=?2 ORDER BY id DESC LIMIT ?3)",
            [&](Statement& statement) {
                statement.bind(std::string_view(load.larder_id))
                    .bind(load.key.digest.bytes)
                    .bind(k_slow_loads_of_key_max);
            });
        if (!done) return done;
        // An event's time is the end of its request.
        return Impl::query(
            connection,
            "SELECT count(DISTINCT ended_ns/60000000000),min(spent_ms) FROM slow_loads AS load "
            "WHERE larder_id=?1 AND key=?2 AND began_ns>=?3 AND NOT EXISTS(SELECT 1 FROM events "
            "WHERE larder_id=?1 AND at_ns>load.began_ns AND at_ns<load.ended_ns+?4 AND "
            "at_ns-total_ms*1000000<load.ended_ns AND at_ns<>load.ended_ns)",
            [&](Statement& statement) {
                statement.bind(std::string_view(load.larder_id))
                    .bind(load.key.digest.bytes)
                    .bind(since_ns)
                    .bind(k_request_ns_max);
            },
            [&](const Statement& row) { found = {row.count(0), row.count(1)}; });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
    return found;
}

void State::forget_slow_loads(std::string_view larder_id, const Key& key) {
    impl_->run("DELETE FROM slow_loads WHERE larder_id=?1 AND key=?2",
               [&](Statement& statement) { statement.bind(larder_id).bind(key.digest.bytes); });
}

}  // namespace larder::internal::state
