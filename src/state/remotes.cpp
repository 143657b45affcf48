// The part of State that records how storages are used which machines share.
#include <chrono>

#include "state/database.h"

namespace larder::internal::state {
namespace {

constexpr std::int64_t k_failures_until_rest = 3;
constexpr std::chrono::nanoseconds k_first_rest = std::chrono::minutes(1);
constexpr std::chrono::nanoseconds k_longest_rest = std::chrono::minutes(10);

constexpr const char* k_begin_row =
    "INSERT OR IGNORE INTO remotes VALUES(?1,0,0,0,0,0,0,0,0,0,'',0)";

}  // namespace

void State::note_remote(const RemoteUse& use) {
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(connection, k_begin_row, [&](Statement& statement) {
            statement.bind(std::string_view(use.url));
        });
        if (!done) return done;
        return Impl::query(
            connection,
            "UPDATE remotes SET hits=hits+?2,misses=misses+?3,fetched_bytes=fetched_bytes+?4,"
            "fetch_ms=fetch_ms+?5,sent=sent+?6,sent_bytes=sent_bytes+?7,failures_in_row=0,"
            "rests_until_ns=0 WHERE url=?1",
            [&](Statement& statement) {
                statement.bind(std::string_view(use.url))
                    .bind(use.hits)
                    .bind(use.misses)
                    .bind(use.fetched_bytes)
                    .bind(use.fetch_ms)
                    .bind(use.sent)
                    .bind(use.sent_bytes);
            });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

void State::note_remote_failure(std::string_view url, std::string_view fault, std::int64_t now_ns) {
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(connection, k_begin_row,
                                [&](Statement& statement) { statement.bind(url); });
        if (!done) return done;
        // The values on the right are those before the update.
        return Impl::query(
            connection,
            "UPDATE remotes SET failures=failures+1,failures_in_row=failures_in_row+1,fault=?2,"
            "fault_at_ns=?3,rests_until_ns=CASE WHEN failures_in_row+1<?4 THEN 0 ELSE "
            "?3+min(?6,?5<<min(10,failures_in_row+1-?4)) END WHERE url=?1",
            [&](Statement& statement) {
                statement.bind(url)
                    .bind(fault)
                    .bind(now_ns)
                    .bind(k_failures_until_rest)
                    .bind(std::int64_t{k_first_rest.count()})
                    .bind(std::int64_t{k_longest_rest.count()});
            });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

void State::note_remote_refusal(std::string_view url, std::string_view fault, std::int64_t now_ns) {
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(connection, k_begin_row,
                                [&](Statement& statement) { statement.bind(url); });
        if (!done) return done;
        return Impl::query(
            connection, "UPDATE remotes SET fault=?2,fault_at_ns=?3 WHERE url=?1",
            [&](Statement& statement) { statement.bind(url).bind(fault).bind(now_ns); });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

std::map<std::string, RemoteUse> State::remotes() {
    std::map<std::string, RemoteUse> found;
    impl_->run(
        "SELECT url,hits,misses,fetched_bytes,fetch_ms,sent,sent_bytes,failures,failures_in_row,"
        "rests_until_ns,fault,fault_at_ns FROM remotes",
        Impl::no_values, [&](const Statement& row) {
            int column = 0;
            RemoteUse use;
            use.url = row.text(column++);
            use.hits = row.count(column++);
            use.misses = row.count(column++);
            use.fetched_bytes = row.count(column++);
            use.fetch_ms = row.count(column++);
            use.sent = row.count(column++);
            use.sent_bytes = row.count(column++);
            use.failures = row.count(column++);
            use.failures_in_row = row.count(column++);
            use.rests_until_ns = row.integer(column++);
            use.fault = row.text(column++);
            use.fault_at_ns = row.integer(column);
            found.emplace(use.url, std::move(use));
        });
    return found;
}

}  // namespace larder::internal::state
