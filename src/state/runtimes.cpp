// The part of State that records which versions of OpenVINO the programs of this machine have.
#include <chrono>

#include "state/database.h"

namespace larder::internal::state {
namespace {

// If there are more, those that were not seen for the longest time are forgotten.
constexpr std::int64_t k_runtimes_max = 1000;
constexpr std::chrono::nanoseconds k_noted_again_after = std::chrono::hours(1);

}  // namespace

void State::note_runtime(const RuntimeSeen& runtime) {
    bool is_known = false;
    const auto not_before_ns = runtime.last_seen_ns - k_noted_again_after.count();
    impl_->run(
        "SELECT 1 FROM runtimes WHERE facts=?1 AND last_seen_ns>?2",
        [&](Statement& statement) { statement.bind(runtime.facts.bytes).bind(not_before_ns); },
        [&](const Statement& /*row*/) { is_known = true; });
    if (is_known) return;
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(connection, "INSERT OR REPLACE INTO runtimes VALUES(?1,?2,?3)",
                                [&](Statement& statement) {
                                    statement.bind(runtime.facts.bytes)
                                        .bind(std::string_view(runtime.openvino))
                                        .bind(runtime.last_seen_ns);
                                });
        if (!done) return done;
        return Impl::query(connection,
                           "DELETE FROM runtimes WHERE facts NOT IN (SELECT facts FROM runtimes "
                           "ORDER BY last_seen_ns DESC LIMIT ?1)",
                           [](Statement& statement) { statement.bind(k_runtimes_max); });
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

std::vector<RuntimeSeen> State::runtimes(std::int64_t since_ns) {
    std::vector<RuntimeSeen> found;
    impl_->run(
        "SELECT facts,openvino,last_seen_ns FROM runtimes WHERE last_seen_ns>=?1 "
        "ORDER BY last_seen_ns DESC",
        [&](Statement& statement) { statement.bind(since_ns); },
        [&](const Statement& row) {
            const auto facts = to_digest(row.blob(0));
            if (facts) found.push_back({*facts, row.text(1), row.integer(2)});
        });
    return found;
}

}  // namespace larder::internal::state
