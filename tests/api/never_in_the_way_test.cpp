// The program gets its model with every fault of the larder.
#include <fstream>

#include <openvino/openvino.hpp>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

constexpr uid_t k_nobody = 65534;

class NeverInTheWay : public LarderTest {
protected:
    NeverInTheWay() : model_(save(dense_model(), "m")), expected_(ask_without({.model = model_})) {}
    ~NeverInTheWay() override {
        for (const auto& target : mounts_) ::umount2(target.c_str(), MNT_DETACH);
    }

    bool mount_tmpfs(const fs::path& target, const std::string& size) {
        fs::create_directories(target);
        const auto options = "mode=0755,size=" + size;
        if (::mount("tmpfs", target.c_str(), "tmpfs", 0, options.c_str()) != 0) return false;
        mounts_.push_back(target);
        return true;
    }
    bool mount_read_only(const fs::path& target) {
        if (::mount(target.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
        mounts_.push_back(target);
        return ::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                       nullptr) == 0;
    }
    void expect(const Answer& answer, const std::string& outcome) const {
        EXPECT_EQ(answer.outcome, outcome) << answer.reason;
        EXPECT_EQ(answer.outputs, expected_.outputs);
    }

    fs::path model_;
    Answer expected_;
    std::vector<fs::path> mounts_;
};

TEST_F(NeverInTheWay, AFullDiskCompiles) {
    if (::geteuid() != 0) LARDER_UNABLE() << "mounting needs root";
    ASSERT_TRUE(mount_tmpfs(directory_, "32k"));
    const auto limited = ask(model_);
    expect(limited, "bypassed");
    EXPECT_NE(limited.reason.find("limit"), std::string::npos) << limited.reason;
    const auto answer = ask({.model = model_, .environment = {{"ASK_LIMIT", "off"}}});
    expect(answer, "bypassed");
    EXPECT_NE(answer.reason.find("space"), std::string::npos) << answer.reason;
    EXPECT_TRUE(files_in("tmp").empty());
    EXPECT_TRUE(files_in("objects").empty());
}

TEST_F(NeverInTheWay, AReadOnlyMountLoadsWhatItHoldsAndCompilesTheRest) {
    if (::geteuid() != 0) LARDER_UNABLE() << "mounting needs root";
    expect(ask(model_), "compiled");
    ASSERT_TRUE(mount_read_only(directory_));
    expect(ask(model_), "loaded");
    // Its outputs may differ: it does not compute in bf16, even if the processor can.
    const Question other{.model = model_, .properties = {"EXECUTION_MODE_HINT=ACCURACY"}};
    EXPECT_EQ(ask(other).outcome, "bypassed");
}

TEST_F(NeverInTheWay, ADamagedObjectOnAReadOnlyMountCompiles) {
    if (::geteuid() != 0) LARDER_UNABLE() << "mounting needs root";
    expect(ask(model_), "compiled");
    const auto object = files_in("objects").front();
    change_byte_unseen(object, fs::file_size(object) / 2);
    ASSERT_TRUE(mount_read_only(directory_));
    expect(ask(model_), "bypassed");
    expect(ask(model_), "bypassed");
}

TEST_F(NeverInTheWay, AnEmptyReadOnlyMountCompiles) {
    if (::geteuid() != 0) LARDER_UNABLE() << "mounting needs root";
    fs::create_directories(directory_);
    ASSERT_TRUE(mount_read_only(directory_));
    expect(ask(model_), "bypassed");
}

TEST_F(NeverInTheWay, ADirectoryThatIsAFileCompiles) {
    std::ofstream(directory_) << "not a directory";
    expect(ask(model_), "bypassed");
    EXPECT_EQ(fs::file_size(directory_), 15U);
}

TEST_F(NeverInTheWay, ADirectoryThatIsNoLarderCompilesAndIsLeftAlone) {
    fs::create_directories(directory_);
    std::ofstream(directory_ / "thesis.tex") << "years of work";
    expect(ask(model_), "bypassed");
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 1);
}

TEST_F(NeverInTheWay, ALarderFromTheFutureCompilesAndIsLeftAlone) {
    expect(ask(model_), "compiled");
    std::string text;
    std::getline(std::ifstream(directory_ / "larder.json"), text, '\0');
    const auto at = text.find_first_of("0123456789", text.find("format"));
    ASSERT_NE(at, std::string::npos);
    text.insert(at, "9");
    std::ofstream(directory_ / "larder.json") << text;
    expect(ask(model_), "bypassed");
    EXPECT_EQ(files_in("entries").size(), 1U);
}

TEST_F(NeverInTheWay, AManifestFromTheFutureIsReplacedOrLeftButNeverUsed) {
    expect(ask(model_), "compiled");
    const auto entry = files_in("entries").front();
    std::ofstream(entry) << R"({"format": 99, "surprise": true})";
    const auto answer = ask(model_);
    EXPECT_EQ(answer.outputs, expected_.outputs);
    EXPECT_NE(answer.outcome, "loaded");
}

TEST_F(NeverInTheWay, AnotherUsersLarderIsReadAndNotDamaged) {
    if (!internal::support::can_become_another_user())
        LARDER_UNABLE() << "cannot become another user";
    expect(ask(model_), "compiled");
    const auto objects = files_in("objects");
    Question stranger{.model = model_, .user = k_nobody};
    fs::create_directories(root_ / "stranger");
    ASSERT_EQ(::chown((root_ / "stranger").c_str(), k_nobody, k_nobody), 0);
    Asker asker(directory_, root_ / "stranger", stranger);
    asker.go();
    expect(asker.answer(), "loaded");
    stranger.properties = {"EXECUTION_MODE_HINT=ACCURACY"};
    Asker missing(directory_, root_ / "stranger", stranger);
    missing.go();
    EXPECT_EQ(missing.answer().outcome, "bypassed");
    EXPECT_EQ(files_in("objects"), objects);
}

TEST_F(NeverInTheWay, AStateDirectoryThatCannotBeMadeCostsOnlyMemory) {
    std::ofstream(state_) << "a file";
    expect(ask(model_), "compiled");
    expect(ask(model_), "loaded");
}

TEST_F(NeverInTheWay, ADirectoryThatVanishesIsMadeAnew) {
    Cache cache({.directory = directory_, .state_directory = state_});
    ov::Core core;
    EXPECT_EQ(cache.compile_model(core, model_, "CPU").outcome, Outcome::compiled);
    fs::remove_all(directory_);
    EXPECT_EQ(cache.compile_model(core, model_, "CPU").outcome, Outcome::compiled);
    EXPECT_EQ(cache.compile_model(core, model_, "CPU").outcome, Outcome::loaded);
}

TEST_F(NeverInTheWay, AModelGoesOnWorkingWhenItsObjectIsRemoved) {
    expect(ask(model_), "compiled");
    Cache cache({.directory = directory_, .state_directory = state_});
    ov::Core core;
    auto result = cache.compile_model(core, model_, "CPU");
    ASSERT_EQ(result.outcome, Outcome::loaded);
    fs::remove_all(directory_);
    auto request = result.model.create_infer_request();
    request.set_input_tensor(inputs_of(*dense_model()).front());
    request.infer();
    auto fresh = core.compile_model(model_.string(), "CPU").create_infer_request();
    fresh.set_input_tensor(inputs_of(*dense_model()).front());
    fresh.infer();
    EXPECT_EQ(values_of(request.get_output_tensor()), values_of(fresh.get_output_tensor()));
}

TEST_F(NeverInTheWay, AnUnknownDeviceThrowsWhatOpenVinoThrows) {
    const auto answer = ask({.model = model_, .device = "FOO"});
    EXPECT_EQ(answer.outcome, "threw");
    EXPECT_EQ(answer.reason, ask_without({.model = model_, .device = "FOO"}).reason);
}

TEST_F(NeverInTheWay, APropertyThatDoesNotExistThrowsWhatOpenVinoThrows) {
    expect(ask(model_), "compiled");
    const auto answer = ask({.model = model_, .properties = {"NO_SUCH_PROPERTY=1"}});
    EXPECT_EQ(answer.outcome, "threw");
    EXPECT_NE(answer.reason.find("NO_SUCH_PROPERTY"), std::string::npos);
}

TEST_F(NeverInTheWay, AMissingModelThrowsWhatOpenVinoThrows) {
    const auto answer = ask({.model = root_ / "missing.xml"});
    EXPECT_EQ(answer.outcome, "threw");
    EXPECT_EQ(answer.reason, ask_without({.model = root_ / "missing.xml"}).reason);
}

TEST_F(NeverInTheWay, ModesDoWhatTheySay) {
    const auto with_mode = [&](const std::string& mode) {
        return ask({.model = model_, .environment = {{"ASK_MODE", mode}}});
    };
    expect(with_mode("read-only"), "bypassed");
    EXPECT_TRUE(files_in("entries").empty());
    EXPECT_EQ(with_mode("cache-only").outcome, "threw");
    expect(with_mode("off"), "bypassed");
    expect(with_mode("on"), "compiled");
    expect(with_mode("read-only"), "loaded");
    expect(with_mode("cache-only"), "loaded");
    expect(with_mode("refresh"), "compiled");
    EXPECT_EQ(files_in("entries").size(), 1U);
    expect(with_mode("on"), "loaded");
}

class Crash : public NeverInTheWay {};

TEST_F(Crash, ABlobThatTakesTheProcessDownIsSetAside) {
    expect(ask(model_), "compiled");
    const auto crashed = ask({.model = model_, .environment = {{"ASK_CRASH", "1"}}});
    EXPECT_EQ(crashed.signal, SIGSEGV);
    expect(ask(model_), "compiled");
    EXPECT_FALSE(files_in("quarantine").empty());
    expect(ask(model_), "loaded");
}

TEST_F(Crash, SoItIsWithEightProcessesAtOnce) {
    expect(ask(model_), "compiled");
    const Question crash{.model = model_, .environment = {{"ASK_CRASH", "1"}}};
    const auto together = [&](const Question& question) {
        std::vector<Asker> askers;
        for (int i = 0; i < 8; ++i) askers.emplace_back(directory_, state_, question);
        for (auto& asker : askers) asker.go();
        std::vector<Answer> answers;
        for (auto& asker : askers) answers.push_back(asker.answer());
        return answers;
    };
    for (const auto& answer : together(crash))
        EXPECT_TRUE(answer.signal == SIGSEGV || !answer.outcome.empty());
    // A late crash may be caused by a blob that was compiled after an early crash.
    std::ptrdiff_t compiled = 0;
    for (const auto& answer : together({.model = model_})) {
        EXPECT_EQ(answer.signal, 0);
        EXPECT_EQ(answer.outputs, expected_.outputs);
        compiled += answer.outcome == "compiled" ? 1 : 0;
    }
    EXPECT_LE(compiled, 1);
    EXPECT_FALSE(files_in("quarantine").empty());
    EXPECT_EQ(ask(model_).outputs, expected_.outputs);
}

TEST_F(Crash, AModelWhoseBlobsKeepCrashingIsNotKeptForADay) {
    const Question crash{.model = model_, .environment = {{"ASK_CRASH", "1"}}};
    expect(ask(model_), "compiled");
    EXPECT_EQ(ask(crash).signal, SIGSEGV);
    expect(ask(model_), "compiled");
    EXPECT_EQ(ask(crash).signal, SIGSEGV);
    expect(ask(model_), "compiled");
    expect(ask(crash), "bypassed");
    expect(ask(model_), "bypassed");
}

TEST_F(Crash, AProcessThatIsStoppedIsNone) {
    expect(ask(model_), "compiled");
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(ask({.model = model_, .environment = {{"ASK_STOP", "1"}}}).signal, SIGTERM);
    }
    expect(ask(model_), "loaded");
    EXPECT_TRUE(files_in("quarantine").empty());
}

TEST_F(Crash, AProvenBlobSurvivesThatAProcessIsKilled) {
    expect(ask(model_), "compiled");
    expect(ask(model_), "loaded");
    EXPECT_EQ(ask({.model = model_, .environment = {{"ASK_CRASH", "1"}}}).signal, SIGSEGV);
    expect(ask(model_), "loaded");
}

}  // namespace
}  // namespace larder::testing
