// Goal: no fault of the file system ever prevents a request from getting its model, or destroys
// earlier entries. Method: complete requests on a fake runtime; every I/O call in turn fails, once
// or from then on, with every error that a disk can return; afterwards the file system works again,
// and the model must be a hit.
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cache/attempt/serve.h"
#include "support/fake_runtime.h"
#include "support/fault_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;

enum class Before { nothing_is_kept, the_model_is_kept };
enum class Lasting { one_call, every_call_from_there };

struct Case {
    int system_errno;
    Before before;
    Lasting lasting;
};

class Fault : public ::testing::TestWithParam<Case> {
protected:
    Fault() {
        support::write_file(root_ / "m.xml",
                            R"(<net name="m" version="11"><layers>)"
                            R"(<layer id="0" name="c" type="Const"/></layers></net>)");
        support::write_file(root_ / "m.bin", std::string(5000, 'w'));
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
    }

    void start_anew() const {
        fs::remove_all(config_.directory);
        fs::remove_all(config_.state_directory);
    }

    // One request of a new process; its model must be correct in every case.
    Outcome ask() {
        said_.clear();
        Log log(LogLevel::warn,
                [this](LogLevel, std::string_view message) { said_.emplace_back(message); });
        auto system = real_.system();
        Session session({faulty_, system.clock, system.entropy, system.process}, log, config_);
        support::FakeRequest request(device_, "x");
        ModelReference reference;
        reference.path = root_ / "m.xml";
        const auto response = serve(session, request, reference);
        EXPECT_TRUE(response.has_value()) << response.error().message();
        EXPECT_EQ(request.result(), "compiled x");
        return response ? response->outcome : Outcome::bypassed;
    }

    support::TemporaryDirectory root_{support::fast_directory()};
    os::RealSystem real_;
    os::System system_ = real_.system();
    support::FaultFileSystem faulty_{system_.fs};
    std::vector<std::string> said_;
    Config config_;
    support::FakeDevice device_;
};

TEST_P(Fault, InAnyCallCostsNeitherTheModelNorWhatWasKept) {
    const auto& test = GetParam();
    std::uint64_t calls_before = 0;
    for (bool reached = true; reached; ++calls_before) {
        start_anew();
        if (test.before == Before::the_model_is_kept) {
            ASSERT_EQ(ask(), Outcome::compiled);
        }
        if (test.lasting == Lasting::one_call) {
            faulty_.fail_once_after(calls_before, test.system_errno);
        } else {
            faulty_.fail_always_after(calls_before, test.system_errno);
        }
        const auto outcome = ask();
        reached = faulty_.faults() > 0;
        const auto where = "call " + std::to_string(calls_before) + ": " + faulty_.first_fault();
        EXPECT_FALSE(outcome == Outcome::bypassed && said_.empty()) << where;
        if (!reached) {
            EXPECT_EQ(outcome,
                      test.before == Before::nothing_is_kept ? Outcome::compiled : Outcome::loaded);
        }
        // If the end of a trial cannot be recorded at all, it looks like a crash: the model is
        // compiled again.
        const bool seems_a_crash = test.lasting == Lasting::every_call_from_there &&
                                   faulty_.first_fault().find("trial") != std::string::npos;
        faulty_.heal();
        const auto healed = ask();
        EXPECT_TRUE(healed == Outcome::loaded || healed == Outcome::compiled) << where;
        const auto quarantine = fs::path(config_.directory) / "quarantine";
        if (test.before == Before::the_model_is_kept && !seems_a_crash) {
            EXPECT_EQ(healed, Outcome::loaded) << where;
            EXPECT_FALSE(fs::exists(quarantine) && !fs::is_empty(quarantine)) << where;
        }
        EXPECT_EQ(ask(), Outcome::loaded) << where;
        EXPECT_TRUE(fs::is_empty(fs::path(config_.directory) / "tmp")) << where;
        ASSERT_FALSE(HasFailure()) << where;
    }
    EXPECT_GT(calls_before, 20U);
}

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const int system_errno : {EIO, ENOSPC, EACCES, EROFS, EMFILE, ENOENT}) {
        for (const auto before : {Before::nothing_is_kept, Before::the_model_is_kept}) {
            for (const auto lasting : {Lasting::one_call, Lasting::every_call_from_there}) {
                cases.push_back({system_errno, before, lasting});
            }
        }
    }
    return cases;
}

INSTANTIATE_TEST_SUITE_P(EveryCall, Fault, ::testing::ValuesIn(all_cases()), [](const auto& test) {
    return std::string(::strerrorname_np(test.param.system_errno)) +
           (test.param.before == Before::nothing_is_kept ? "_compile" : "_load") +
           (test.param.lasting == Lasting::one_call ? "_once" : "_lasting");
});

}  // namespace
}  // namespace larder::internal::cache
