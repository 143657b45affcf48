// The part of State that records how far a check of a whole larder has come.
#include <chrono>

#include "state/database.h"

namespace larder::internal::state {
namespace {

// Objects that were found undamaged longer ago are read again.
constexpr auto k_valid = std::chrono::hours(7 * 24);

}  // namespace

std::set<Digest> State::checked(std::string_view larder_id) {
    std::set<Digest> objects;
    const auto oldest_ns = (impl_->system.clock.wall() - std::chrono::nanoseconds(k_valid)).count();
    impl_->run(
        "SELECT object FROM checked WHERE larder_id=?1 AND at_ns>=?2",
        [&](Statement& statement) { statement.bind(larder_id).bind(oldest_ns); },
        [&](const Statement& row) {
            if (const auto object = to_digest(row.blob(0))) objects.insert(*object);
        });
    return objects;
}

void State::note_checked(std::string_view larder_id, std::span<const Digest> objects) {
    const std::int64_t now_ns = impl_->system.clock.wall().count();
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&]() -> Result<void> {
            for (const auto& object : objects) {
                auto done =
                    Impl::query(connection, "INSERT OR REPLACE INTO checked VALUES(?1,?2,?3)",
                                [&](Statement& statement) {
                                    statement.bind(larder_id).bind(object.bytes).bind(now_ns);
                                });
                if (!done) return done;
            }
            return {};
        });
    });
}

void State::forget_checked(std::string_view larder_id) {
    impl_->run("DELETE FROM checked WHERE larder_id=?1",
               [&](Statement& statement) { statement.bind(larder_id); });
}

}  // namespace larder::internal::state
