// state/state.h: the state of this machine; its loss never causes more than lost knowledge.
#include "state/state.h"

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::internal::state {
namespace {

using store::Machine;

namespace stdfs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr os::FileStamp k_stamp{1, 2, 3, 4, 5};

Digest digest(std::uint8_t first) {
    Digest digest;
    digest.bytes[0] = first;
    return digest;
}

// Another program that uses the database.
class Intruder {
public:
    explicit Intruder(const std::string& path) { sqlite3_open(path.c_str(), &database_); }
    Intruder(const Intruder&) = delete;
    Intruder& operator=(const Intruder&) = delete;
    ~Intruder() { sqlite3_close(database_); }

    void execute(const char* sql) {
        EXPECT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    }

    [[nodiscard]] int count(const char* sql) {
        int number = -1;
        const auto take = [](void* to, int, char** values, char**) {
            *static_cast<int*>(to) = std::stoi(values[0]);
            return 0;
        };
        EXPECT_EQ(sqlite3_exec(database_, sql, take, &number, nullptr), SQLITE_OK) << sql;
        return number;
    }

private:
    sqlite3* database_ = nullptr;
};

class StateTest : public ::testing::Test {
protected:
    std::unique_ptr<State> open() {
        return std::make_unique<State>(machine_.system(), machine_.log(), path());
    }
    [[nodiscard]] std::string path() const { return directory_ / "state"; }
    [[nodiscard]] std::string database() const { return path() + "/state-1.db"; }
    static Event event(const std::string& outcome, std::int64_t at_ns) {
        return {.larder_id = "larder",
                .key = Key{digest(9)},
                .model = "m",
                .device = "CPU",
                .outcome = outcome,
                .reason = "",
                .total_ms = 10,
                .saved_ms = 5,
                .written_bytes = 7,
                .at_ns = at_ns};
    }
    [[nodiscard]] int derived_rows() const {
        return Intruder(database()).count("SELECT count(*) FROM derived");
    }
    // Every call, on a state that cannot be written; none may fail or take long.
    static void use(State& state) {
        state.remember_fingerprint(k_stamp, digest(1));
        state.remember(k_stamp, digest(2));
        state.remember_derived(k_stamp, "kind", "value");
        state.record(event("loaded", 1));
        state.learn({.larder_id = "larder",
                     .key = Key{digest(9)},
                     .object = digest(2),
                     .before = {Key{digest(8)}}});
        state.forget("larder", Key{digest(9)});
        static_cast<void>(state.followers("larder", Key{digest(8)}));
        static_cast<void>(state.fingerprint(k_stamp));
        static_cast<void>(state.contains(k_stamp, digest(2)));
        static_cast<void>(state.derived(k_stamp, "kind"));
        static_cast<void>(state.usage("larder"));
        static_cast<void>(state.summarise("larder", 0));
        static_cast<void>(state.first_event_ns("larder"));
        state.note_runtime({digest(1), "one", 1});
        static_cast<void>(state.runtimes(0));
    }

    support::TemporaryDirectory directory_{support::fast_directory()};
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system();
    Machine machine_{*fs_};
};

TEST_F(StateTest, RemembersForExactlyThatStamp) {
    open()->remember_fingerprint(k_stamp, digest(1));
    const auto state = open();
    EXPECT_EQ(state->fingerprint(k_stamp), digest(1));
    for (const auto member :
         {&os::FileStamp::device, &os::FileStamp::inode, &os::FileStamp::size_bytes}) {
        auto other = k_stamp;
        other.*member += 1;
        EXPECT_FALSE(state->fingerprint(other));
    }
    for (const auto member : {&os::FileStamp::mtime_ns, &os::FileStamp::ctime_ns}) {
        auto other = k_stamp;
        other.*member += 1;
        EXPECT_FALSE(state->fingerprint(other));
    }
    auto edited = k_stamp;
    edited.ctime_ns = 6;
    state->remember_fingerprint(edited, digest(2));
    EXPECT_EQ(state->fingerprint(edited), digest(2));
    EXPECT_FALSE(state->fingerprint(k_stamp)) << "one for each file";
    const os::FileStamp extreme{~0ULL, ~0ULL, ~0ULL, -1, INT64_MIN};
    state->remember_fingerprint(extreme, digest(3));
    EXPECT_EQ(state->fingerprint(extreme), digest(3));
}

TEST_F(StateTest, RemembersWhatWasVerifiedInThisBoot) {
    open()->remember(k_stamp, digest(1));
    EXPECT_TRUE(open()->contains(k_stamp, digest(1)));
    EXPECT_FALSE(open()->contains(k_stamp, digest(2)));
    const auto real = machine_.system();
    auto process = real.process;
    process.boot_id = "another";
    const os::System rebooted{real.fs, real.clock, real.entropy, process};
    State after(rebooted, machine_.log(), path());
    EXPECT_FALSE(after.contains(k_stamp, digest(1)));
    process.boot_id = "";
    after.remember(k_stamp, digest(1));
    EXPECT_FALSE(after.contains(k_stamp, digest(1))) << "no boot is known: nothing is";
}

TEST_F(StateTest, RemembersWhatWasDerivedByKind) {
    const auto state = open();
    state->remember_derived(k_stamp, "outline 1", std::string("a\0b", 3));
    EXPECT_EQ(state->derived(k_stamp, "outline 1"), std::string("a\0b", 3));
    EXPECT_FALSE(state->derived(k_stamp, "outline 2"));
}

TEST_F(StateTest, KeepsNothingThatWasDerivedFromAFileAsItWasBefore) {
    const auto state = open();
    auto other_file = k_stamp;
    other_file.inode = 7;
    state->remember_derived(other_file, "a", "of another file");
    for (const auto* const kind : {"a", "b"}) state->remember_derived(k_stamp, kind, "old");
    for (const auto member : {&os::FileStamp::mtime_ns, &os::FileStamp::ctime_ns}) {
        auto edited = k_stamp;
        edited.*member += 1;
        state->remember_derived(edited, "b", "new");
        EXPECT_EQ(state->derived(edited, "b"), "new");
        EXPECT_EQ(derived_rows(), 2);
    }
    EXPECT_EQ(state->derived(other_file, "a"), "of another file");
}

TEST_F(StateTest, KeepsFewKindsOfWhatWasDerivedFromOneFile) {
    const auto state = open();
    for (int i = 0; i < 100; ++i) {
        const auto kind = "kind " + std::to_string(i * 37 % 100);
        state->remember_derived(k_stamp, kind, kind);
        EXPECT_EQ(state->derived(k_stamp, kind), kind);
        EXPECT_LE(derived_rows(), 16);
    }
    EXPECT_EQ(derived_rows(), 16);
    EXPECT_FALSE(state->fault());
}

TEST_F(StateTest, ForgetsWhatWasDerivedFromFilesThatAreLongUnchanged) {
    const auto state = open();
    state->remember_derived({1, 1, 1, 1, 1'000'000}, "a", "newest");
    Intruder(database())
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<20000) "
            "INSERT INTO derived SELECT 1,i,'a',1,1,i,'old' FROM n");
    for (int i = 0; i < 1'000; ++i) state->record(event("loaded", i + 1));
    EXPECT_EQ(derived_rows(), 10'000);
    EXPECT_EQ(state->derived({1, 1, 1, 1, 1'000'000}, "a"), "newest");
}

TEST_F(StateTest, SumsUpHowRequestsEnded) {
    const auto state = open();
    EXPECT_FALSE(state->first_event_ns("larder"));
    for (const std::int64_t at : {100, 200, 300}) state->record(event("loaded", at));
    state->record(event("compiled", 250));
    EXPECT_EQ(state->first_event_ns("larder"), 100);
    EXPECT_FALSE(state->first_event_ns("another"));
    const auto sums = state->summarise("larder", 200);
    ASSERT_EQ(sums.size(), 2U);
    EXPECT_EQ(sums[0].outcome, "compiled");
    EXPECT_EQ(sums[1].outcome, "loaded");
    EXPECT_EQ(sums[1].count, 2U);
    EXPECT_EQ(sums[1].total_ms, 20U);
    EXPECT_EQ(sums[1].saved_ms, 10U);
    EXPECT_EQ(sums[1].written_bytes, 14U);
    const auto usage = state->usage("larder");
    ASSERT_EQ(usage.size(), 1U);
    EXPECT_EQ(usage.at(Key{digest(9)}).hits, 3U);
    EXPECT_EQ(usage.at(Key{digest(9)}).last_used_at_ns, 300);
    state->forget("larder", Key{digest(9)});
    EXPECT_TRUE(state->usage("larder").empty());
}

TEST_F(StateTest, ForgetsTheEventsOfOneLarderAndNothingElse) {
    const auto state = open();
    state->record(event("loaded", 100));
    auto other = event("loaded", 100);
    other.larder_id = "another";
    state->record(other);
    const store::Eviction eviction{Key{digest(9)}, 10, "limit", 1, 1};
    state->record("larder", std::vector{eviction});
    EXPECT_TRUE(state->forget_events("larder").has_value());
    EXPECT_TRUE(state->summarise("larder", 0).empty());
    EXPECT_TRUE(state->evictions("larder", 0).empty());
    EXPECT_EQ(state->summarise("another", 0).size(), 1U);
    EXPECT_EQ(state->usage("larder").at(Key{digest(9)}).hits, 1U);
    EXPECT_EQ(state->requests("larder").size(), 1U);
}

TEST_F(StateTest, SaysIfEventsCannotBeForgotten) {
    const auto state = open();
    state->record(event("loaded", 100));
    Intruder intruder(database());
    intruder.execute("BEGIN EXCLUSIVE");
    const auto done = state->forget_events("larder");
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, Errc::busy);
    intruder.execute("ROLLBACK");
    EXPECT_EQ(state->summarise("larder", 0).size(), 1U);
}

TEST_F(StateTest, RemembersWhenEachOpenVinoWasSeenLast) {
    constexpr std::int64_t k_hour_ns = std::int64_t{3600} * 1'000'000'000;
    open()->note_runtime({digest(1), "one", k_hour_ns});
    const auto state = open();
    state->note_runtime({digest(2), "two", 2 * k_hour_ns});
    state->note_runtime({digest(2), "two", 2 * k_hour_ns + 1});
    const auto seen = state->runtimes(0);
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].openvino, "two");
    EXPECT_EQ(seen[0].facts, digest(2));
    EXPECT_EQ(seen[0].last_seen_ns, 2 * k_hour_ns) << "not written again so soon";
    EXPECT_EQ(state->runtimes(k_hour_ns + 1).size(), 1U);
    state->note_runtime({digest(1), "one", 5 * k_hour_ns});
    EXPECT_EQ(state->runtimes(0)[0].openvino, "one");
}

TEST_F(StateTest, WithoutADirectoryRemembersNothingAndIsWell) {
    State state(machine_.system(), machine_.log(), "");
    use(state);
    EXPECT_FALSE(state.fault());
    EXPECT_EQ(state.path(), "");
}

TEST_F(StateTest, DamagedIsBegunAnew) {
    for (const std::string damage : {"nonsense", "", "SQLite format 3\0 and then nothing"}) {
        open()->remember_fingerprint(k_stamp, digest(1));
        stdfs::remove(database() + "-wal");
        support::write_file(database(), damage + std::string(5'000, 'x'));
        const auto state = open();
        use(*state);
        EXPECT_FALSE(state->fault()) << state->fault()->message();
        state->remember_fingerprint(k_stamp, digest(2));
        EXPECT_EQ(open()->fingerprint(k_stamp), digest(2));
    }
}

TEST_F(StateTest, DamagedInTheMiddleCostsOnlyWhatItKnew) {
    {
        const auto state = open();
        for (std::uint8_t i = 0; i < 200; ++i) {
            auto stamp = k_stamp;
            stamp.inode = i;
            state->remember_fingerprint(stamp, digest(i));
            state->record(event("loaded", i + 1));
        }
    }
    Intruder(database()).execute("PRAGMA wal_checkpoint(TRUNCATE)");
    const auto size = stdfs::file_size(database());
    ASSERT_GT(size, 8192U);
    std::string bytes = support::read_file(database());
    for (std::size_t i = 4096; i < size; ++i) bytes[i] = '\x5a';
    support::write_file(database(), bytes);
    const auto state = open();
    use(*state);
    state->remember_fingerprint(k_stamp, digest(7));
    EXPECT_EQ(state->fingerprint(k_stamp), digest(7));
    EXPECT_FALSE(state->fault());
}

TEST_F(StateTest, LockedByOthersCostsLittleAndIsWellAgain) {
    const auto state = open();
    state->remember_fingerprint(k_stamp, digest(1));
    {
        Intruder intruder(database());
        intruder.execute("BEGIN EXCLUSIVE");
        const auto start = steady_clock::now();
        state->remember_fingerprint(k_stamp, digest(2));
        EXPECT_LT(steady_clock::now() - start, milliseconds(2'000));
        EXPECT_EQ(state->fingerprint(k_stamp), digest(1)) << "reading goes on";
    }
    state->remember_fingerprint(k_stamp, digest(3));
    EXPECT_EQ(state->fingerprint(k_stamp), digest(3));
    EXPECT_FALSE(state->fault());
}

TEST_F(StateTest, UnwritableIsAFaultSaidOnce) {
    if (!support::can_become_another_user()) LARDER_UNABLE() << "cannot become another user";
    stdfs::permissions(directory_.path(), stdfs::perms::others_read | stdfs::perms::others_exec,
                       stdfs::perm_options::add);
    EXPECT_EQ(support::run_as(65534,
                              [&] {
                                  const auto state = open();
                                  use(*state);
                                  use(*state);
                                  EXPECT_TRUE(state->fault());
                                  const auto logged = machine_.logged();
                                  EXPECT_NE(logged, "");
                                  EXPECT_EQ(logged.find("cannot remember"),
                                            logged.rfind("cannot remember"));
                              }),
              0);
}

TEST_F(StateTest, ReadOnlyOrFullOrNoDirectoryIsAFault) {
    support::write_file(directory_ / "file", "");
    State in_a_file(machine_.system(), machine_.log(), directory_ / "file");
    use(in_a_file);
    EXPECT_TRUE(in_a_file.fault());

    open()->remember_fingerprint(k_stamp, digest(1));
    {
        const auto mount = support::Mount::read_only(path());
        if (!mount) LARDER_UNABLE() << "cannot mount";
        const auto state = open();
        use(*state);
        EXPECT_TRUE(state->fault());
    }
    EXPECT_EQ(open()->fingerprint(k_stamp), digest(1));
    const auto disk = support::Mount::memory(path(), 16 << 10);
    ASSERT_TRUE(disk);
    const auto state = open();
    use(*state);
    for (int i = 0; i < 100; ++i) state->record(event("loaded", i + 1));
    EXPECT_TRUE(state->fault());
}

TEST_F(StateTest, IsSharedByThreadsAndProcesses) {
    std::vector<support::Child> children;
    children.reserve(4);
    for (int i = 0; i < 4; ++i) {
        children.emplace_back([&] {
            const auto state = open();
            std::vector<std::thread> threads;
            threads.reserve(2);
            for (int thread = 0; thread < 2; ++thread) {
                threads.emplace_back([&] {
                    for (int n = 0; n < 25; ++n) state->record(event("loaded", n + 1));
                });
            }
            for (auto& thread : threads) thread.join();
            EXPECT_FALSE(state->fault());
        });
    }
    for (auto& child : children) EXPECT_EQ(child.wait(), 0);
    const auto sums = open()->summarise("larder", 0);
    ASSERT_EQ(sums.size(), 1U);
    // A call that waits too long for a lock gives up; this can happen on a busy machine.
    EXPECT_GT(sums[0].count, 100U);
    EXPECT_LE(sums[0].count, 200U);
}

TEST_F(StateTest, IsUsableInAForkedChildAndAfterIt) {
    const auto state = open();
    state->remember_fingerprint(k_stamp, digest(1));
    support::Child child([&] {
        EXPECT_EQ(state->fingerprint(k_stamp), digest(1));
        state->remember_fingerprint(k_stamp, digest(2));
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(state->fingerprint(k_stamp), digest(2));
    state->remember_fingerprint(k_stamp, digest(3));
    EXPECT_EQ(open()->fingerprint(k_stamp), digest(3));
}

// A limit on the size of files has the effect of a full disk: nothing is remembered, and there is
// no other effect.
TEST(StateUnderALimitOfFileSizes, RemembersNothingAndHarmsNobody) {
    const support::TemporaryDirectory directory;
    for (const rlim_t limit_bytes : {0U, 1U, 4096U, 40960U}) {
        support::Child child([&] {
            struct rlimit limit{};
            ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
            limit.rlim_cur = limit_bytes;
            ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
            const os::RealSystem system;
            Log log(LogLevel::error, [](LogLevel, std::string_view) {});
            State state(system.system(), log, directory / "state");
            state.remember_fingerprint({1, 2, 3, 4, 5}, hash_bytes({}));
            EXPECT_TRUE(state.fault());
        });
        EXPECT_EQ(child.wait(), 0) << limit_bytes;
    }
}

}  // namespace
}  // namespace larder::internal::state
