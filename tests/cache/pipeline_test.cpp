// Programs that load several models in a row: what comes next is read ahead, and only that.
#include "cache/pipeline.h"

#include <atomic>
#include <cctype>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cache/attempt.h"
#include "support/fake_clock.h"
#include "support/fake_runtime.h"
#include "support/intercepted_file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;
using support::FakeDevice;
using support::FakeRequest;
using support::Operation;

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;
constexpr std::size_t k_padding = 6 * k_mib;

// Notes how far each file was read, and lets a test hold a reader up.
class Watcher final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    [[nodiscard]] bool was_opened(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        return read_to_.contains(path);
    }
    // Behind the last place where reading began.
    [[nodiscard]] std::uint64_t read_to(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        const auto found = read_to_.find(path);
        return found == read_to_.end() ? 0 : found->second;
    }
    void forget() {
        const std::lock_guard lock(mutex_);
        read_to_.clear();
    }
    // Whoever reads `path` in this process waits until release().
    void hold(const std::string& path) {
        const std::lock_guard lock(mutex_);
        held_ = path;
        held_in_ = os::current_process_id();
    }
    void wait_until_held() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_; });
    }
    void release() {
        const std::lock_guard lock(mutex_);
        held_.clear();
        changed_.notify_all();
    }

protected:
    std::optional<Error> before(const support::Call& call) override {
        std::unique_lock lock(mutex_);
        if (call.operation == Operation::open) read_to_[call.path];
        if (call.operation != Operation::read) return {};
        auto& read_to = read_to_[call.path];
        read_to = std::max(read_to, call.offset + 1);
        if (call.path == held_ && held_in_ == os::current_process_id()) {
            waiting_ = true;
            changed_.notify_all();
            changed_.wait(lock, [&] { return held_.empty(); });
            waiting_ = false;
        }
        return {};
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::uint64_t> read_to_;
    std::string held_;
    std::int64_t held_in_ = 0;
    bool waiting_ = false;
};

// False if it is not so within a time that is too long for anything.
bool eventually(const std::function<bool()>& is_so) {
    for (int i = 0; i < 6'000; ++i) {
        if (is_so()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

std::size_t threads() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/task")) ++count;
    return count;
}

// How many there are when nothing of larder's runs: a sanitizer starts a thread of its own with the
// first, and one that was joined is listed for a moment longer.
std::size_t threads_alone() {
    pid_t id = 0;
    std::thread([&id] { id = ::gettid(); }).join();
    EXPECT_TRUE(eventually([&] { return !fs::exists("/proc/self/task/" + std::to_string(id)); }));
    return threads();
}

class PipelineTest : public ::testing::Test {
protected:
    PipelineTest() : process_(real_.system().process) {
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
    }

    [[nodiscard]] os::System system() {
        return {watcher_, real_.system().clock, real_.system().entropy, process_};
    }
    [[nodiscard]] std::unique_ptr<Session> start() {
        return std::make_unique<Session>(system(), log_, config_);
    }
    // Models of capital letters are small.
    Response ask(Session& session, const std::string& model) {
        device_.blob_padding = std::isupper(model[0]) != 0 ? 0 : k_padding;
        FakeRequest request(device_, model);
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = model;
        auto response = Attempt(session, request, reference).run();
        EXPECT_TRUE(response.has_value());
        EXPECT_TRUE(request.result() == "compiled " + model);
        if (!response) return {};
        if (response->key) keys_[model] = format::Key{*response->key};
        if (response->object) {
            const auto name = response->object->hex();
            objects_.insert_or_assign(model, *response->object);
            paths_[model] = config_.directory + "/objects/" + name.substr(0, 2) + "/" + name;
        }
        return *response;
    }
    // One run of a program that asks for these models, of one letter each.
    void run(const std::string& models) {
        const auto session = start();
        for (const char model : models) (void)ask(*session, std::string(1, model));
    }
    void learn(const std::string& models) {
        run(models);
        run(models);
        // What was just written may be changed unnoticed.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        watcher_.forget();
    }
    void reboot() { process_.boot_id += "'"; }
    [[nodiscard]] const std::string& path(const std::string& model) const {
        return paths_.at(model);
    }
    [[nodiscard]] bool is_alone() const {
        return eventually([this] { return threads() == alone_; });
    }
    [[nodiscard]] bool is_read(const std::string& model) const {
        return watcher_.read_to(path(model)) > 4 * k_mib;
    }

    std::size_t alone_ = threads_alone();
    support::TemporaryDirectory directory_{support::fast_directory()};
    os::RealSystem real_;
    os::ProcessInfo process_;
    Watcher watcher_{real_.system().fs};
    std::atomic<int> said_{0};
    Log log_{LogLevel::warn, [this](LogLevel, std::string_view) { ++said_; }};
    Config config_;
    FakeDevice device_;
    std::map<std::string, format::Key> keys_;
    std::map<std::string, Digest> objects_;
    std::map<std::string, std::string> paths_;
};

TEST_F(PipelineTest, TheThirdRunReadsAheadWhatTheFirstTwoAskedFor) {
    learn("abc");
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(eventually([&] { return is_read("b") && is_read("c"); }));
    watcher_.forget();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
    EXPECT_EQ(ask(*session, "c").outcome, Outcome::loaded);
    EXPECT_EQ(watcher_.read_to(path("b")), 0U) << "it was verified in this boot";
    EXPECT_EQ(said_, 0);
}

TEST_F(PipelineTest, WhatWasNotVerifiedInThisBootIsVerifiedByItsRequest) {
    learn("abc");
    reboot();
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(eventually([&] { return is_read("b") && is_read("c"); }));
    watcher_.forget();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
    EXPECT_TRUE(is_read("b"));
}

TEST_F(PipelineTest, WhatIsDamagedIsFoundByWhoeverAsksForIt) {
    learn("abc");
    reboot();
    fs::permissions(path("b"), fs::perms::owner_write, fs::perm_options::add);
    support::flip_byte(path("b"), 20);
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(eventually([&] { return watcher_.was_opened(path("c")); }));
    EXPECT_EQ(said_, 0);
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::compiled);
    EXPECT_EQ(said_, 1);
}

TEST_F(PipelineTest, WithVerifyAlwaysItIsReadAndNotTrusted) {
    config_.verify = store::VerifyPolicy::always;
    learn("ab");
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
    watcher_.forget();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
    EXPECT_TRUE(is_read("b"));
}

TEST_F(PipelineTest, AProgramThatAsksForTheFirstAloneIsServedAsBefore) {
    learn("abc");
    for (int i = 0; i < 4; ++i) {
        const auto session = start();
        EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    }
    watcher_.forget();
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(is_alone());
    EXPECT_FALSE(watcher_.was_opened(path("b"))) << "it is known by now that nothing follows";
}

TEST_F(PipelineTest, AChangedSequenceIsRelearnt) {
    learn("abc");
    for (int i = 0; i < 3; ++i) run("ad");
    watcher_.forget();
    {
        const auto session = start();
        (void)ask(*session, "a");
        EXPECT_TRUE(eventually([&] { return is_read("d"); }));
    }
    EXPECT_FALSE(watcher_.was_opened(path("b")));
    EXPECT_FALSE(watcher_.was_opened(path("c")));
}

TEST_F(PipelineTest, ASingleOrSmallModelStartsNothing) {
    learn("a");
    learn("XYZ");
    for (const std::string model : {"a", "X"}) {
        const auto session = start();
        EXPECT_EQ(ask(*session, model).outcome, Outcome::loaded);
        EXPECT_TRUE(is_alone());
    }
    EXPECT_FALSE(watcher_.was_opened(path("Y")));
}

TEST_F(PipelineTest, ASmallModelMayComeBeforeALargeOne) {
    learn("Ab");
    const auto session = start();
    (void)ask(*session, "A");
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
}

TEST_F(PipelineTest, EachKeyIsReadAheadOnce) {
    learn("ab");
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(is_alone());
    EXPECT_TRUE(is_read("b"));
    watcher_.forget();
    (void)ask(*session, "a");
    EXPECT_TRUE(is_alone());
    EXPECT_FALSE(watcher_.was_opened(path("b")));
}

TEST_F(PipelineTest, WhatIsGoneIsPassedOver) {
    learn("abc");
    fs::remove(path("b"));
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(eventually([&] { return is_read("c"); }));
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::compiled);
    EXPECT_EQ(ask(*session, "c").outcome, Outcome::loaded);
}

TEST_F(PipelineTest, WithoutAStateNothingIsExpectedAndAllIsWell) {
    config_.state_directory = "";
    learn("ab");
    run("a");
    EXPECT_FALSE(watcher_.was_opened(path("b")));
    support::write_file(directory_ / "file", "");
    config_.state_directory = directory_ / "file";
    learn("ab");
    run("a");
    EXPECT_FALSE(watcher_.was_opened(path("b")));
}

TEST_F(PipelineTest, ALarderThatIsOnlyReadIsReadAheadToo) {
    learn("ab");
    config_.mode = Mode::read_only;
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
}

TEST_F(PipelineTest, ASessionMayEndWhileItReadsAhead) {
    learn("abc");
    watcher_.hold(path("b"));
    auto session = start();
    (void)ask(*session, "a");
    watcher_.wait_until_held();
    std::jthread ending([&] { session.reset(); });
    watcher_.release();
    ending.join();
    EXPECT_TRUE(is_alone());
    EXPECT_EQ(said_, 0);
}

TEST_F(PipelineTest, AChildThatIsForkedMeanwhileIsServed) {
    learn("abc");
    watcher_.hold(path("b"));
    auto session = start();
    (void)ask(*session, "a");
    watcher_.wait_until_held();
    {
        support::Child child([&] {
            EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
            EXPECT_EQ(ask(*session, "c").outcome, Outcome::loaded);
            session.reset();
        });
        EXPECT_EQ(child.wait(), 0);
    }
    watcher_.release();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
}

TEST_F(PipelineTest, ThreadsMayAskAllAtOnce) {
    const std::string models = "abcdefgh";
    device_.blob_padding = k_padding;
    for (int round = 0; round < 4; ++round) {
        const auto session = start();
        std::vector<std::jthread> askers;
        std::mutex mutex;
        for (const char model : models) {
            askers.emplace_back([&, model] {
                FakeRequest request(device_, std::string(1, model));
                ModelReference reference;
                reference.origin = ModelOrigin::memory;
                reference.name = std::string(1, model);
                const auto response = Attempt(*session, request, reference).run();
                const std::lock_guard lock(mutex);
                ASSERT_TRUE(response.has_value());
                EXPECT_EQ(response->outcome, round == 0 ? Outcome::compiled : Outcome::loaded);
            });
        }
    }
    EXPECT_EQ(said_, 0);
}

class PlanTest : public PipelineTest {
protected:
    // Only to reach the larder and the state.
    void open() {
        session_ = start();
        larder_ = *session_->store();
    }
    Pipeline::Asked ask_for(Pipeline& pipeline, const std::string& model) {
        return pipeline.ask(larder_->id(), keys_.at(model));
    }
    void end(Pipeline& pipeline, const std::string& model, Pipeline::Asked asked) {
        pipeline.end(std::move(asked), hash_bytes(std::as_bytes(std::span(model))), 100 * k_mib);
    }
    std::string expected(const Pipeline::Asked& asked) {
        std::string names;
        for (const auto& next : asked.expected) {
            for (const auto& [name, key] : keys_) {
                if (key == next.key) names += name;
            }
        }
        return names;
    }

    std::unique_ptr<Session> session_;
    std::shared_ptr<store::Store> larder_;
};

TEST_F(PlanTest, NoMoreIsReadThanAPartOfTheMemoryThatIsAvailable) {
    learn("abcd");
    open();
    {
        // Half of it: all of b, and the beginning of c.
        Pipeline pipeline(system(), session_->state(), [] { return 20 * k_mib; });
        pipeline.read_next(larder_, ask_for(pipeline, "a"), std::nullopt);
        EXPECT_TRUE(is_alone());
        const auto b = watcher_.read_to(path("b"));
        const auto c = watcher_.read_to(path("c"));
        EXPECT_GT(b, k_padding);
        EXPECT_GT(c, 0U);
        EXPECT_LE(b + c, 10 * k_mib);
        EXPECT_EQ(watcher_.read_to(path("d")), 0U);
        // Once b is asked for, its pages are its own business.
        pipeline.read_next(larder_, ask_for(pipeline, "b"), std::nullopt);
        EXPECT_TRUE(eventually([&] { return watcher_.read_to(path("d")) > 0; }));
        EXPECT_LE(watcher_.read_to(path("c")) + watcher_.read_to(path("d")), 10 * k_mib);
    }
    watcher_.forget();
    Pipeline pipeline(system(), session_->state(), [] { return 0; });
    pipeline.read_next(larder_, ask_for(pipeline, "a"), std::nullopt);
    EXPECT_TRUE(is_alone());
    EXPECT_EQ(watcher_.read_to(path("b")), 0U) << "it is not known how much there is";
}

TEST_F(PlanTest, ARequestInterruptsWhatIsReadForLater) {
    learn("abcx");
    open();
    watcher_.hold(path("b"));
    Pipeline pipeline(system(), session_->state(), [] { return 1000 * k_mib; });
    pipeline.read_next(larder_, ask_for(pipeline, "a"), std::nullopt);
    watcher_.wait_until_held();
    const auto asked = ask_for(pipeline, "x");
    EXPECT_EQ(expected(asked), "bc") << "they are still to come";
    watcher_.release();
    EXPECT_TRUE(is_alone());
    EXPECT_LT(watcher_.read_to(path("b")), 5 * k_mib);
    EXPECT_FALSE(watcher_.was_opened(path("c")));
    pipeline.read_next(larder_, asked, std::nullopt);
    EXPECT_TRUE(eventually([&] { return is_read("b") && is_read("c"); }));
    EXPECT_EQ(watcher_.read_to(path("x")), 0U);
}

TEST_F(PlanTest, TheBlobThatIsImportedIsReadFirstAndToItsEnd) {
    learn("ab");
    open();
    watcher_.hold(path("b"));
    Pipeline pipeline(system(), session_->state(), [] { return 12 * k_mib; });
    pipeline.read_next(larder_, ask_for(pipeline, "a"), ReadAhead::Imported{objects_.at("a")});
    watcher_.wait_until_held();
    EXPECT_EQ(watcher_.read_to(path("a")), fs::file_size(path("a")));
    watcher_.release();
    EXPECT_TRUE(is_alone());
    EXPECT_TRUE(is_read("b")) << "what is imported is not a part of what is read for later";
}

TEST_F(PlanTest, WhereSomebodyElseReadsTheImportedBlobItIsWaitedFor) {
    learn("abx");
    open();
    Pipeline pipeline(system(), session_->state(), [] { return 1000 * k_mib; });
    std::promise<void> reading;
    const ReadAhead::Imported first{objects_.at("a"), reading.get_future().share()};
    pipeline.read_next(larder_, ask_for(pipeline, "a"), first);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto asked = ask_for(pipeline, "x");
    EXPECT_TRUE(is_alone()) << "a request interrupts that";
    EXPECT_EQ(watcher_.read_to(path("a")), 0U);
    EXPECT_FALSE(watcher_.was_opened(path("b")));
    pipeline.read_next(larder_, asked, first);
    reading.set_value();
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
}

TEST_F(PlanTest, APauseBeginsANewRun) {
    learn("abc");
    open();
    support::FakeClock clock;
    const os::System slow{watcher_, clock, real_.system().entropy, process_};
    store::State state(slow, log_, directory_ / "another");
    const auto run = [&](std::chrono::seconds pause) {
        Pipeline pipeline(slow, state);
        end(pipeline, "a", ask_for(pipeline, "a"));
        clock.advance(pause);
        end(pipeline, "b", ask_for(pipeline, "b"));
    };
    const auto after_a = [&] {
        Pipeline pipeline(slow, state);
        return expected(ask_for(pipeline, "a"));
    };
    for (int i = 0; i < 3; ++i) run(Pipeline::k_pause + std::chrono::seconds(1));
    EXPECT_EQ(after_a(), "") << "somebody loads a model now and then";
    for (int i = 0; i < 2; ++i) run(Pipeline::k_pause);
    EXPECT_EQ(after_a(), "b");
}

TEST_F(PlanTest, AModelAskedForAgainTeachesNothing) {
    learn("abc");
    open();
    store::State state(system(), log_, directory_ / "another");
    Pipeline pipeline(system(), state);
    for (int i = 0; i < 10; ++i) {
        end(pipeline, "a", ask_for(pipeline, "a"));
        end(pipeline, "b", ask_for(pipeline, "b"));
    }
    Pipeline next(system(), state);
    EXPECT_EQ(expected(ask_for(next, "a")), "") << "one run is one run";
}

}  // namespace
}  // namespace larder::internal::cache
