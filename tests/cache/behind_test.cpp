// Publishing behind the program, on a fake runtime and a disk that a test can stop: whatever
// happens meanwhile, the program has its model, and the larder has all of the entry or nothing.
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/attempt/serve.h"
#include "support/fake_runtime.h"
#include "support/fault_file_system.h"
#include "support/intercepted_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Another thread is waited for no longer than this; a run that succeeds never waits so long.
constexpr auto k_patience = 120s;

class OneWayGate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, k_patience, [&] { return is_open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false;
};

// Calls `on_sync` before each sync by another thread than the one that made it.
class WatchedDisk final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    std::function<void()> on_sync;

protected:
    std::optional<Error> before(const support::Call& call) override {
        const bool is_sync = call.operation == support::Operation::sync ||
                             call.operation == support::Operation::sync_directory;
        if (is_sync && on_sync && std::this_thread::get_id() != owner_) on_sync();
        return std::nullopt;
    }

private:
    const std::thread::id owner_ = std::this_thread::get_id();
};

class BehindTest : public ::testing::Test {
protected:
    BehindTest() {
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
        config_.publish = Publish::behind;
        config_.release_memory = ReleaseMemory::automatic;
        // A slow disk may take its time.
        device_.compile_time = 60s;
    }

    Response ask(Session& session, const std::string& model = "x") {
        support::FakeRequest request(device_, model);
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = model;
        const auto response = serve(session, request, reference);
        EXPECT_TRUE(response.has_value());
        EXPECT_EQ(request.result(), "compiled " + model);
        return response ? *response : Response{};
    }
    // As a later process would.
    Outcome ask_later(const std::string& model = "x") {
        Session session(system_.system(), log_, config_);
        return ask(session, model).outcome;
    }
    // A system whose disk blocks each sync until `gate` is open.
    os::System blocked_until(OneWayGate& gate, WatchedDisk& disk) {
        disk.on_sync = [&gate] { EXPECT_TRUE(gate.wait()); };
        const auto system = system_.system();
        return {disk, system.clock, system.entropy, system.process};
    }
    std::size_t files_in(const char* folder) const {
        std::size_t files = 0;
        const fs::path path = config_.directory + "/" + folder;
        if (!fs::exists(path)) return 0;
        for (const auto& entry : fs::recursive_directory_iterator(path)) {
            files += entry.is_regular_file() ? 1U : 0U;
        }
        return files;
    }
    // Runs `child` in a child of this process; returns its status.
    static int in_child(const std::function<void()>& child) {
        const auto id = ::fork();
        if (id == 0) {
            ::alarm(120);
            child();
            ::_exit(3);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(id, &status, 0), id);
        return status;
    }

    support::TemporaryDirectory root_;
    os::RealSystem system_;
    std::mutex mutex_of_warnings_;
    std::vector<std::string> warnings_;
    Log log_{LogLevel::warn, [this](LogLevel, std::string_view text) {
                 const std::lock_guard lock(mutex_of_warnings_);
                 warnings_.emplace_back(text);
             }};
    Config config_;
    support::FakeDevice device_;
};

TEST_F(BehindTest, ModelIsReturnedBeforeItsEntryIsDurable) {
    OneWayGate gate;
    WatchedDisk disk(system_.system().fs);
    {
        Session session(blocked_until(gate, disk), log_, config_);
        const auto response = ask(session);
        EXPECT_EQ(response.outcome, Outcome::compiled);
        EXPECT_TRUE(response.is_being_kept);
        EXPECT_FALSE(response.object.has_value());
        EXPECT_EQ(files_in("objects"), 0U);
        gate.open();
        session.wait_for_published();
        EXPECT_EQ(files_in("objects"), 1U);
    }
    EXPECT_EQ(ask_later(), Outcome::loaded);
    EXPECT_EQ(device_.compiles_done, 1);
    EXPECT_TRUE(warnings_.empty());
}

TEST_F(BehindTest, ModelIsExportedOnTheThreadThatAsks) {
    const auto self = std::this_thread::get_id();
    device_.on_export = [&] { EXPECT_EQ(std::this_thread::get_id(), self); };
    EXPECT_EQ(ask_later(), Outcome::compiled);
    EXPECT_EQ(device_.exports_done, 1);
}

TEST_F(BehindTest, ProgramThatEndsAtOnceLeavesItsEntry) {
    EXPECT_EQ(ask_later(), Outcome::compiled);
    EXPECT_EQ(ask_later(), Outcome::loaded);
}

TEST_F(BehindTest, SecondRequestWaitsForTheEntryAndLoadsIt) {
    OneWayGate gate;
    WatchedDisk disk(system_.system().fs);
    Session session(blocked_until(gate, disk), log_, config_);
    EXPECT_EQ(ask(session).outcome, Outcome::compiled);
    auto again = std::async(std::launch::async, [&] { return ask(session).outcome; });
    EXPECT_EQ(again.wait_for(50ms), std::future_status::timeout);
    gate.open();
    EXPECT_EQ(again.get(), Outcome::loaded);
    EXPECT_EQ(device_.compiles_done, 1);
}

TEST_F(BehindTest, SeveralModelsArePublished) {
    {
        Session session(system_.system(), log_, config_);
        for (int i = 0; i < 8; ++i) {
            EXPECT_EQ(ask(session, std::to_string(i)).outcome, Outcome::compiled);
        }
    }
    for (int i = 0; i < 8; ++i) EXPECT_EQ(ask_later(std::to_string(i)), Outcome::loaded);
}

TEST_F(BehindTest, EndOfASessionWaitsForNoStalledDisk) {
    device_.compile_time = 0s;
    OneWayGate gate;
    WatchedDisk disk(system_.system().fs);
    {
        Session session(blocked_until(gate, disk), log_, config_);
        EXPECT_EQ(ask(session, "x").outcome, Outcome::compiled);
        EXPECT_EQ(ask(session, "y").outcome, Outcome::compiled);
        session.end_behind();  // returns although the disk is blocked
        ASSERT_EQ(warnings_.size(), 1U);
        EXPECT_NE(warnings_.front().find("the program ended"), std::string::npos);
        EXPECT_EQ(files_in("objects"), 0U);
        EXPECT_EQ(files_in("entries"), 0U);
        gate.open();
    }
    EXPECT_EQ(files_in("tmp"), 0U);
    EXPECT_EQ(ask_later("y"), Outcome::compiled);
    EXPECT_EQ(ask_later("y"), Outcome::loaded);
}

TEST_F(BehindTest, SessionThatEndsPublishesOnTheCallersThread) {
    Session session(system_.system(), log_, config_);
    static_cast<void>(ask(session));
    session.end_behind();
    EXPECT_EQ(files_in("objects"), 1U);
    EXPECT_FALSE(ask(session, "y").is_being_kept);
    EXPECT_EQ(files_in("objects"), 2U);
}

TEST_F(BehindTest, FirstPublishesBeforeTheModelIsReturned) {
    config_.publish = Publish::first;
    Session session(system_.system(), log_, config_);
    const auto response = ask(session);
    EXPECT_FALSE(response.is_being_kept);
    EXPECT_TRUE(response.object.has_value());
    EXPECT_EQ(files_in("objects"), 1U);
}

TEST_F(BehindTest, OtherDevicesPublishFirst) {
    device_.holds_model = false;
    Session session(system_.system(), log_, config_);
    EXPECT_FALSE(ask(session).is_being_kept);
}

TEST_F(BehindTest, FullDiskCostsTheEntryAndNothingElse) {
    std::size_t lost = 0;
    for (std::uint64_t call = 0;; ++call) {
        support::FaultFileSystem faulty(system_.system().fs);
        const auto system = system_.system();
        {
            Session session({faulty, system.clock, system.entropy, system.process}, log_, config_);
            device_.on_export = [&] { faulty.fail_once_after(call, ENOSPC); };
            const auto outcome = ask(session).outcome;
            EXPECT_TRUE(outcome == Outcome::compiled || outcome == Outcome::bypassed) << call;
            session.wait_for_published();
            EXPECT_EQ(files_in("tmp"), 0U) << call;
        }
        device_.on_export = nullptr;
        if (faulty.faults() == 0) break;
        if (ask_later() == Outcome::compiled) ++lost;
        EXPECT_EQ(ask_later(), Outcome::loaded) << call;
        fs::remove_all(config_.directory);
    }
    EXPECT_GT(lost, 3U);
    EXPECT_FALSE(warnings_.empty());
}

TEST_F(BehindTest, ReadOnlyLarderIsLeftAlone) {
    ASSERT_EQ(ask_later("y"), Outcome::compiled);
    config_.mode = Mode::read_only;
    Session session(system_.system(), log_, config_);
    const auto response = ask(session);
    EXPECT_EQ(response.outcome, Outcome::bypassed);
    EXPECT_FALSE(response.is_being_kept);
    EXPECT_EQ(files_in("objects"), 1U);
}

// Sanitizers lose threads in a child made by fork.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_F(BehindTest, ChildNeitherWaitsNorPublishesAndParentGoesOn) {
    OneWayGate gate;
    WatchedDisk disk(system_.system().fs);
    {
        Session session(blocked_until(gate, disk), log_, config_);
        EXPECT_EQ(ask(session).outcome, Outcome::compiled);
        const auto status = in_child([&] {
            disk.on_sync = nullptr;
            const bool compiled = ask(session, "y").outcome == Outcome::compiled;
            session.wait_for_published();
            session.end_behind();
            ::_exit(compiled ? 0 : 1);
        });
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
        gate.open();
        session.wait_for_published();
    }
    EXPECT_EQ(ask_later("x"), Outcome::loaded);
    EXPECT_EQ(ask_later("y"), Outcome::loaded);
}

TEST_F(BehindTest, KilledProcessLeavesNothingTorn) {
    for (const bool in_sync : {true, false}) {
        const auto status = in_child([&] {
            WatchedDisk disk(system_.system().fs);
            const auto system = system_.system();
            if (in_sync) disk.on_sync = [] { ::raise(SIGKILL); };
            Session session({disk, system.clock, system.entropy, system.process}, log_, config_);
            static_cast<void>(ask(session));
            if (!in_sync) ::raise(SIGKILL);
            session.wait_for_published();
        });
        EXPECT_TRUE(WIFSIGNALED(status)) << in_sync;
        EXPECT_EQ(files_in("entries"), files_in("objects")) << in_sync;
        const auto outcome = ask_later();
        EXPECT_TRUE(outcome == Outcome::compiled || !in_sync) << in_sync;
        EXPECT_EQ(files_in("tmp"), 0U) << in_sync;
        EXPECT_EQ(ask_later(), Outcome::loaded) << in_sync;
        fs::remove_all(config_.directory);
    }
}

TEST_F(BehindTest, ProcessThatMayStartNoThreadPublishesFirst) {
    const auto status = in_child([&] {
        const rlimit none{0, 0};
        // Root is exempt from the limit.
        if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(1);
        if (::geteuid() == 0) {
            constexpr uid_t k_nobody = 65534;
            const bool is_nobody = ::chown(root_.path().c_str(), k_nobody, k_nobody) == 0 &&
                                   ::setresgid(k_nobody, k_nobody, k_nobody) == 0 &&
                                   ::setresuid(k_nobody, k_nobody, k_nobody) == 0;
            if (!is_nobody) ::_exit(1);
        }
        Session session(system_.system(), log_, config_);
        const auto response = ask(session);
        ::_exit(response.outcome == Outcome::compiled && !response.is_being_kept ? 0 : 2);
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}
#endif

// The thread takes no signal of the program's, whatever mask it has.
TEST_F(BehindTest, ThreadReceivesNoSignals) {
    OneWayGate gate;
    WatchedDisk disk(system_.system().fs);
    sigset_t mask;
    ::sigemptyset(&mask);
    disk.on_sync = [&] {
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        EXPECT_TRUE(gate.wait());
    };
    const auto system = system_.system();
    Session session({disk, system.clock, system.entropy, system.process}, log_, config_);
    static_cast<void>(ask(session));
    gate.open();
    session.wait_for_published();
    for (const int number : {SIGTERM, SIGINT, SIGCHLD, SIGUSR1, SIGALRM}) {
        EXPECT_EQ(::sigismember(&mask, number), 1) << number;
    }
}

}  // namespace
}  // namespace larder::internal::cache
