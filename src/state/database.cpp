#include "state/database.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "os/file_size_limit.h"

namespace larder::internal::state {
namespace {

// How long a request may wait for another process's write, which takes microseconds.
constexpr int k_busy_limit_ms = 250;

// Another schema gets another file name: the content can be rebuilt.
constexpr const char* k_schema = R"(
CREATE TABLE IF NOT EXISTS fingerprints(
    device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, digest BLOB,
    PRIMARY KEY(device, inode)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS derived(
    device INTEGER, inode INTEGER, kind TEXT, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
    value TEXT, PRIMARY KEY(device, inode, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verified(
    device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, object BLOB,
    boot_id TEXT, PRIMARY KEY(device, inode)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses(
    larder_id TEXT, key BLOB, last_used_ns INTEGER, hits INTEGER,
    PRIMARY KEY(larder_id, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS followers(
    larder_id TEXT, key BLOB, next BLOB, object BLOB, distance INTEGER, belief INTEGER,
    last_seen_ns INTEGER, PRIMARY KEY(larder_id, key, next)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checked(
    larder_id TEXT, object BLOB, at_ns INTEGER, PRIMARY KEY(larder_id, object)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events(
    id INTEGER PRIMARY KEY, at_ns INTEGER, larder_id TEXT, key BLOB, model TEXT, device TEXT,
    outcome TEXT, reason TEXT, total_ms INTEGER, saved_ms INTEGER, written_bytes INTEGER);
CREATE TABLE IF NOT EXISTS requests(
    larder_id TEXT, key BLOB, last_ns INTEGER, interval_ns INTEGER,
    PRIMARY KEY(larder_id, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evictions(
    id INTEGER PRIMARY KEY, at_ns INTEGER, larder_id TEXT, key BLOB, freed_bytes INTEGER,
    reason TEXT, idle_ns INTEGER, age_ns INTEGER);
CREATE INDEX IF NOT EXISTS evictions_of_larder ON evictions(larder_id, at_ns);
CREATE TABLE IF NOT EXISTS said(
    larder_id TEXT, topic TEXT, at_ns INTEGER, PRIMARY KEY(larder_id, topic)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slow_loads(
    id INTEGER PRIMARY KEY, larder_id TEXT, key BLOB, began_ns INTEGER, ended_ns INTEGER,
    spent_ms INTEGER);
CREATE INDEX IF NOT EXISTS slow_loads_of_key ON slow_loads(larder_id, key);
CREATE INDEX IF NOT EXISTS events_of_larder ON events(larder_id, at_ns);
CREATE TABLE IF NOT EXISTS runtimes(
    facts BLOB PRIMARY KEY, openvino TEXT, last_seen_ns INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS remotes(
    url TEXT PRIMARY KEY, hits INTEGER, misses INTEGER, fetched_bytes INTEGER, fetch_ms INTEGER,
    sent INTEGER, sent_bytes INTEGER, failures INTEGER, failures_in_row INTEGER,
    rests_until_ns INTEGER, fault TEXT, fault_at_ns INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sightings(
    larder_id TEXT, path TEXT, fingerprint TEXT, at_ns INTEGER,
    PRIMARY KEY(larder_id, path, fingerprint)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sighted_files(
    larder_id TEXT, path TEXT, fingerprint TEXT, file TEXT, resolved TEXT, device INTEGER,
    inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, mount_point TEXT,
    file_system TEXT, PRIMARY KEY(larder_id, path, fingerprint, file)) WITHOUT ROWID;
)";

// Returns a number that changes with the text of the schema.
std::int32_t schema_number() {
    const auto digest = hash_bytes(std::as_bytes(std::span(std::string_view(k_schema))));
    std::int32_t number = 0;
    std::memcpy(&number, digest.bytes.data(), sizeof number);
    return number;
}

// In one transaction, and only if the schema is new: else they would cost more than the queries of
// a request.
Result<void> make_tables(Connection& connection) {
    std::int64_t found = 0;
    const auto prepared = connection.prepare("PRAGMA user_version");
    if (!prepared) return fail(prepared.error());
    {
        Statement statement(*prepared);
        if (statement.step() == SQLITE_ROW) found = statement.integer(0);
    }
    const auto number = schema_number();
    if (found == number) return {};
    const auto all = "BEGIN IMMEDIATE;" + std::string(k_schema) +
                     "PRAGMA user_version=" + std::to_string(number) + ";COMMIT;";
    auto made = connection.execute(all.c_str());
    if (!made) static_cast<void>(connection.execute("ROLLBACK"));
    return made;
}

// SQLite has process-wide locks. If a child was made by fork while another thread held one, the
// child must not use SQLite any more; it loses only its memory of requests.
class InUse {
public:
    InUse() noexcept {
        auto owner = owner_process.load();
        const auto self = os::current_process_id();
        if (owner != self && owner_process.compare_exchange_strong(owner, self)) {
            if (owner != 0 && users.exchange(0) > 0) is_lost = true;
        }
        ++users;
    }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;
    ~InUse() { --users; }

    [[nodiscard]] bool is_possible() const noexcept { return !is_lost; }

private:
    static constinit inline std::atomic<std::int64_t> owner_process{0};  // process id
    static constinit inline std::atomic<int> users{0};
    static constinit inline std::atomic<bool> is_lost{false};
};

// Creates the directory for this user alone, whatever the umask: it shows which models were used.
// An existing directory keeps its mode.
Result<void> make_private_directory(os::FileSystem& fs, const std::string& path) {
    constexpr std::uint32_t k_owner_only = 0700;
    if (fs.info(path)) return {};
    if (auto made = os::make_directories(fs, path); !made) return made;
    const auto directory = fs.open(path, os::OpenMode::read);
    return directory ? (*directory)->set_mode(k_owner_only) : fail(directory.error());
}

// Only if the file is absent: closing any descriptor of the file would release SQLite's locks.
void make_private_file(os::FileSystem& fs, const std::string& path) {
    constexpr std::uint32_t k_owner_only = 0600;
    if (!fs.info(path)) {
        static_cast<void>(fs.open(path, os::OpenMode::create_exclusive, k_owner_only));
    }
}

}  // namespace

Result<void> State::Impl::open() {
    if (auto made = make_private_directory(system.fs, directory); !made) return made;
    // A home directory on a network serves several machines, each with device numbers of its own,
    // and cannot share the memory that write-ahead logging needs.
    const auto space = system.fs.space(directory);
    const bool shared = space && space->locality == os::Locality::network;
    file = os::join(directory,
                    shared ? "state-1-" + system.process.host + ".db" : std::string("state-1.db"));
    make_private_file(system.fs, file);
    auto opened = Connection::open(file, k_busy_limit_ms);
    if (!opened) return fail(std::move(opened.error()));
    // Nothing here is worth waiting for the disk: losses by power failure can be rebuilt.
    // Before the journal mode, whose change waits for the disk, too.
    const char* const journal = shared ? "PRAGMA synchronous=OFF; PRAGMA journal_mode=DELETE;"
                                       : "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL;";
    if (auto set = (*opened)->execute(journal); !set) return set;
    if (auto made = make_tables(**opened); !made) return made;
    connection = std::move(*opened);
    opened_by = os::current_process_id();
    return {};
}

void State::Impl::set_aside() {
    connection.reset();
    // A new database would take over the damage from a log that is left.
    for (const char* const suffix : {"-wal", "-shm", "-journal"}) {
        static_cast<void>(system.fs.remove(file + suffix));
    }
    static_cast<void>(system.fs.rename(file, file + ".damaged"));
}

void State::Impl::note(Error error) {
    log.warn_once("state",
                  "model files are read again, and nothing is counted: " + error.message());
    last_fault = std::move(error);
}

bool State::Impl::run(const std::function<Result<void>(Connection&)>& work) {
    const InUse in_use;
    if (!in_use.is_possible()) return false;
    const os::FileSizeLimitGuard guard;
    const std::lock_guard lock(mutex);
    if (directory.empty() || given_up) return false;
    if (connection && opened_by != os::current_process_id()) {
        connection->abandon();
        connection.reset();
    }
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto done = connection ? Result<void>{} : open();
        if (done) done = work(*connection);
        if (done) return true;
        if (done.error().code == Errc::damaged && attempt == 0) {
            set_aside();
            log.warn_once("damaged state",
                          "the state database was damaged: statistics start again; it is now '" +
                              file + ".damaged'");
            continue;
        }
        // Locks pass; other faults do not, and must not cost time again.
        if (done.error().code != Errc::busy) {
            note(std::move(done.error()));
            given_up = true;
            if (connection) connection.reset();
        }
        return false;
    }
    return false;
}

bool State::Impl::run(const char* sql, const Bind& bind, const Row& row) {
    return run([&](Connection& open) { return query(open, sql, bind, row); });
}

Result<void> State::Impl::query(Connection& connection, const char* sql, const Bind& bind,
                                const Row& row) {
    auto prepared = connection.prepare(sql);
    if (!prepared) return fail(std::move(prepared.error()));
    Statement statement(*prepared);
    bind(statement);
    int code = statement.step();
    for (; code == SQLITE_ROW; code = statement.step()) row(statement);
    if (code != SQLITE_DONE) return fail(connection.error("cannot use the state database"));
    return {};
}

Result<void> State::Impl::transact(Connection& connection,
                                   const std::function<Result<void>()>& work) {
    if (auto begun = query(connection, "BEGIN IMMEDIATE", no_values); !begun) return begun;
    auto done = work();
    if (done) done = query(connection, "COMMIT", no_values);
    // Returns the error of `work`, not that of the rollback.
    if (!done) static_cast<void>(query(connection, "ROLLBACK", no_values));
    return done;
}

Statement& bind_stamp(Statement& statement, const os::FileStamp& stamp) {
    return statement.bind(stamp.device)
        .bind(stamp.inode)
        .bind(stamp.size_bytes)
        .bind(stamp.mtime_ns)
        .bind(stamp.ctime_ns);
}

std::optional<Digest> to_digest(std::span<const std::uint8_t> bytes) {
    if (bytes.size() != Digest::k_size_bytes) return {};
    Digest digest;
    std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
    return digest;
}

}  // namespace larder::internal::state
