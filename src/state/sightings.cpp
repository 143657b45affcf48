// The part of State that records where models were seen.
#include <algorithm>
#include <utility>

#include "state/database.h"

namespace larder::internal::state {
namespace {

using store::SightedFile;

// Beyond this many, the models that were not requested for the longest time are forgotten.
constexpr std::int64_t k_sightings_max = 10'000;

SightedFile file_in(const Statement& row, int first_column) {
    SightedFile file;
    int column = first_column;
    file.path = row.text(column++);
    file.resolved = row.text(column++);
    file.stamp.device = row.count(column++);
    file.stamp.inode = row.count(column++);
    file.stamp.size_bytes = row.count(column++);
    file.stamp.mtime_ns = row.integer(column++);
    file.stamp.ctime_ns = row.integer(column++);
    file.place.mount_point = row.text(column++);
    file.place.file_system = row.text(column);
    return file;
}

void bind_sighting(Statement& statement, const Sighting& sighting) {
    statement.bind(std::string_view(sighting.larder_id))
        .bind(std::string_view(sighting.path))
        .bind(std::string_view(sighting.fingerprint));
}

}  // namespace

bool State::has_seen(const Sighting& sighting, std::int64_t not_before_ns) {
    std::vector<std::pair<std::string, os::FileStamp>> known;
    impl_->run(
        "SELECT f.file,f.resolved,f.device,f.inode,f.size,f.mtime_ns,f.ctime_ns,f.mount_point,"
        "f.file_system FROM sightings s JOIN sighted_files f USING(larder_id,path,fingerprint) "
        "WHERE larder_id=?1 AND path=?2 AND fingerprint=?3 AND s.at_ns>=?4",
        [&](Statement& statement) {
            bind_sighting(statement, sighting);
            statement.bind(not_before_ns);
        },
        [&](const Statement& row) {
            auto file = file_in(row, 0);
            known.emplace_back(std::move(file.path), file.stamp);
        });
    return known.size() == sighting.files.size() &&
           std::ranges::all_of(sighting.files, [&](const SightedFile& file) {
               return std::ranges::find(known, std::pair(file.path, file.stamp)) != known.end();
           });
}

void State::see(const Sighting& sighting) {
    const auto forget_oldest = [](Connection& connection) -> Result<void> {
        std::int64_t count = 0;
        auto done = Impl::query(connection, "SELECT count(*) FROM sightings", Impl::no_values,
                                [&](const Statement& row) { count = row.integer(0); });
        if (!done || count <= k_sightings_max) return done;
        done = Impl::query(connection,
                           "DELETE FROM sightings WHERE at_ns<=(SELECT at_ns FROM sightings ORDER "
                           "BY at_ns DESC LIMIT 1 OFFSET ?1)",
                           [](Statement& statement) { statement.bind(k_sightings_max); });
        if (!done) return done;
        return Impl::query(connection,
                           "DELETE FROM sighted_files WHERE (larder_id,path,fingerprint) NOT IN "
                           "(SELECT larder_id,path,fingerprint FROM sightings)",
                           Impl::no_values);
    };
    const auto work = [&](Connection& connection) -> Result<void> {
        auto done = Impl::query(
            connection,
            "DELETE FROM sighted_files WHERE larder_id=?1 AND path=?2 AND fingerprint=?3",
            [&](Statement& statement) { bind_sighting(statement, sighting); });
        if (!done) return done;
        done = Impl::query(connection, "INSERT OR REPLACE INTO sightings VALUES(?1,?2,?3,?4)",
                           [&](Statement& statement) {
                               bind_sighting(statement, sighting);
                               statement.bind(sighting.at_ns);
                           });
        for (const auto& file : sighting.files) {
            if (!done) return done;
            done = Impl::query(
                connection,
                "INSERT OR REPLACE INTO sighted_files(larder_id,path,fingerprint,file,resolved,"
                "device,inode,size,mtime_ns,ctime_ns,mount_point,file_system) "
                "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
                [&](Statement& statement) {
                    bind_sighting(statement, sighting);
                    statement.bind(std::string_view(file.path))
                        .bind(std::string_view(file.resolved));
                    bind_stamp(statement, file.stamp)
                        .bind(std::string_view(file.place.mount_point))
                        .bind(std::string_view(file.place.file_system));
                });
        }
        if (!done) return done;
        return forget_oldest(connection);
    };
    impl_->run([&](Connection& connection) {
        return Impl::transact(connection, [&] { return work(connection); });
    });
}

std::vector<Sighting> State::sightings(std::string_view larder_id) {
    std::vector<Sighting> found;
    impl_->run(
        "SELECT path,fingerprint,s.at_ns,f.file,f.resolved,f.device,f.inode,f.size,f.mtime_ns,"
        "f.ctime_ns,f.mount_point,f.file_system FROM sightings s JOIN sighted_files f "
        "USING(larder_id,path,fingerprint) WHERE larder_id=?1 ORDER BY path,fingerprint,f.file",
        [&](Statement& statement) { statement.bind(larder_id); },
        [&](const Statement& row) {
            auto path = row.text(0);
            auto fingerprint = row.text(1);
            if (found.empty() || found.back().path != path ||
                found.back().fingerprint != fingerprint) {
                found.push_back({std::string(larder_id),
                                 std::move(path),
                                 std::move(fingerprint),
                                 row.integer(2),
                                 {}});
            }
            found.back().files.push_back(file_in(row, 3));
        });
    return found;
}

void State::forget(const Sighting& sighting) {
    const auto values = [&](Statement& statement) { bind_sighting(statement, sighting); };
    impl_->run("DELETE FROM sightings WHERE larder_id=?1 AND path=?2 AND fingerprint=?3", values);
    impl_->run("DELETE FROM sighted_files WHERE larder_id=?1 AND path=?2 AND fingerprint=?3",
               values);
    for (const auto& file : sighting.files) {
        const auto inode = [&](Statement& statement) {
            statement.bind(file.stamp.device).bind(file.stamp.inode);
        };
        impl_->run("DELETE FROM fingerprints WHERE device=?1 AND inode=?2", inode);
        impl_->run("DELETE FROM derived WHERE device=?1 AND inode=?2", inode);
    }
}

}  // namespace larder::internal::state
