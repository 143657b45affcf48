// Complete requests with referring entries, on a fake runtime that copies the imported bytes: other
// processes change the files at every step, processes die, disks fill up.
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "referring_fixture.h"
#include "support/fault_file_system.h"
#include "support/mapped_memory.h"
#include "support/meddled_file_system.h"
#include "support/temporary_directory.h"
#include "support/unable.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;
using support::Call;

TEST_F(ReferringTest, WhatTheCompilerMadeIsKeptAndTheWeightsAreNot) {
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_LT(kept_bytes(), k_small_bytes);
    EXPECT_EQ(ask(), Outcome::loaded);
    EXPECT_TRUE(weights_ == a_);
    put(b_);
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(ask(), Outcome::loaded);
    EXPECT_TRUE(weights_ == b_);
    put(a_);
    EXPECT_EQ(ask(), Outcome::loaded) << "as before";
    EXPECT_TRUE(weights_ == a_);
    EXPECT_TRUE(said_.empty()) << said_.front();
}

TEST_F(ReferringTest, ItIsFoundWhereverTheModelLies) {
    EXPECT_EQ(ask(), Outcome::compiled);
    const auto elsewhere = root_ / "models/elsewhere";
    fs::create_directories(elsewhere);
    fs::rename(xml_, elsewhere / "n.xml");
    fs::rename(bin_, elsewhere / "n.bin");
    EXPECT_EQ(ask_in(elsewhere / "n.xml"), Outcome::loaded);
    EXPECT_TRUE(weights_ == a_);
    // The layout of downloads from a model hub.
    const auto blobs = root_ / "models/blobs";
    const auto snapshot = root_ / "models/snapshots/1234";
    fs::create_directories(blobs);
    fs::create_directories(snapshot);
    fs::rename(elsewhere / "n.xml", blobs / "01ab");
    fs::rename(elsewhere / "n.bin", blobs / "23cd");
    fs::create_symlink("../../blobs/01ab", snapshot / "model.xml");
    fs::create_symlink("../../blobs/23cd", snapshot / "model.bin");
    EXPECT_EQ(ask_in(snapshot / "model.xml"), Outcome::loaded);
    EXPECT_TRUE(weights_ == a_);
    support::write_file(blobs / "45ef", b_);
    fs::remove(snapshot / "model.bin");
    fs::create_symlink("../../blobs/45ef", snapshot / "model.bin");
    device_.on_compile = [this] { device_.weights_in_blob = b_; };
    EXPECT_EQ(ask_in(snapshot / "model.xml"), Outcome::compiled);
    EXPECT_EQ(ask_in(snapshot / "model.xml"), Outcome::loaded);
    EXPECT_TRUE(weights_ == b_);
}

TEST_F(ReferringTest, SettingAndPlaceDecide) {
    struct Setting {
        Weights weights;
        os::Locality model;
        bool refers;
    };
    for (const auto& [weights, locality, refers] :
         {Setting{Weights::automatic, os::Locality::local, true},
          Setting{Weights::automatic, os::Locality::network, false},
          Setting{Weights::automatic, os::Locality::memory, false},
          Setting{Weights::refer, os::Locality::network, true},
          Setting{Weights::refer, os::Locality::memory, true},
          Setting{Weights::keep, os::Locality::local, false}}) {
        forget();
        config_.weights = weights;
        meddled_.place(root_ / "models", locality);
        EXPECT_EQ(ask(), Outcome::compiled);
        EXPECT_EQ(kept_bytes() < k_small_bytes, refers);
        EXPECT_EQ(ask(), Outcome::loaded);
        EXPECT_TRUE(weights_ == a_);
    }
    forget();
    config_.weights = Weights::automatic;
    meddled_.place(root_, os::Locality::network);
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_LT(kept_bytes(), k_small_bytes) << "the larder is as far away";
    // An existing entry is used with every setting.
    config_.weights = Weights::keep;
    EXPECT_EQ(ask(), Outcome::loaded);
    config_.mode = Mode::refresh;
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_GT(kept_bytes(), k_weights_bytes);
}

TEST_F(ReferringTest, ModesDoWhatTheySay) {
    EXPECT_EQ(ask(), Outcome::compiled);
    const auto before = support::tree_of(config_.directory);
    for (const auto mode : {Mode::read_only, Mode::cache_only}) {
        config_.mode = mode;
        EXPECT_EQ(ask(), Outcome::loaded);
        EXPECT_TRUE(weights_ == a_);
        EXPECT_EQ(support::tree_of(config_.directory), before);
    }
    config_.mode = Mode::read_only;
    put(b_);
    ask();
    EXPECT_TRUE(weights_ == b_);
    EXPECT_EQ(support::tree_of(config_.directory), before);
    config_.mode = Mode::cache_only;
    {
        Session session(system(), log_, config_);
        support::FakeRequest request(device_, "x");
        ModelReference reference;
        reference.path = xml_;
        EXPECT_FALSE(serve(session, request, reference)) << "it was never compiled";
    }
    config_.mode = Mode::refresh;
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(ask(), Outcome::compiled);
        EXPECT_LT(kept_bytes(), 2 * k_small_bytes);
    }
    config_.mode = Mode::cache_only;
    EXPECT_EQ(ask(), Outcome::loaded);
    EXPECT_TRUE(weights_ == b_);
}

class MeddledTest : public ReferringTest {
protected:
    // Every way of changing the weights from `a_` to `b_`.
    [[nodiscard]] std::vector<std::pair<std::string, std::function<void()>>> ways() {
        return {{"renamed over", [this] { put(b_); }},
                {"written in place, with its time put back", [this] { overwrite(b_); }},
                {"linked", [this] {
                     support::write_file(bin_ + ".blob", b_);
                     fs::remove(bin_);
                     fs::create_symlink(bin_ + ".blob", bin_);
                 }}};
    }
    void start_with_a() {
        meddled_.stop();
        fs::remove(bin_);
        put(a_);
    }
    // Requests the model, whose weights change before the I/O call `step`. False if the request has
    // fewer calls: then it ends as `unmeddled`.
    bool is_of_one_content(const std::string& name, const std::function<void()>& change,
                           std::uint64_t step, Outcome unmeddled) {
        if (step % 2 == 0) settle();
        meddled_.meddle_before(
            step, [this](const Call& call) { return is_of_model(call); }, change);
        const auto outcome = ask();
        if (!meddled_.is_done()) {
            EXPECT_EQ(outcome, unmeddled) << reason_;
            return false;
        }
        const auto what = name + " at step " + std::to_string(step) + ": ";
        EXPECT_TRUE(weights_ == a_ || weights_ == b_) << what << "a mixture";
        expect_right(b_, what);
        return true;
    }
};

TEST_F(MeddledTest, HitIsOfOneContentAtEveryStep) {
    int steps = 0;
    for (const auto& [name, change] : ways()) {
        forget();
        start_with_a();
        ASSERT_EQ(ask(), Outcome::compiled);
        for (std::uint64_t step = 0;; ++step) {
            start_with_a();
            if (!is_of_one_content(name, change, step, Outcome::loaded)) break;
            ASSERT_FALSE(HasFailure());
            ++steps;
        }
    }
    EXPECT_GT(steps, 20);
}

TEST_F(MeddledTest, FirstStartKeepsOneContentAtEveryStep) {
    int steps = 0;
    for (const auto& [name, change] : ways()) {
        for (std::uint64_t step = 0;; ++step) {
            forget();
            start_with_a();
            if (!is_of_one_content(name, change, step, Outcome::compiled)) break;
            ASSERT_FALSE(HasFailure());
            ++steps;
        }
    }
    EXPECT_GT(steps, 20);
}

// A change through a mapping leaves no trace in the times of a file in memory.
TEST_F(MeddledTest, HitIsOfOneContentWhereNoStampTellsOfChanges) {
    const support::TemporaryDirectory memory(support::fast_directory());
    const auto space = fs_->space(memory.path());
    if (!space || space->locality != os::Locality::memory) {
        LARDER_UNABLE() << "there is no file system in memory";
    }
    // The larder is there, too: entries exist as long as the files to which they refer.
    config_.directory = memory / "larder";
    const auto xml = memory / "m.xml";
    const auto bin = memory / "m.bin";
    fs::copy_file(xml_, xml);
    auto changed = a_;
    changed[300'000] ^= 1;
    device_.on_compile = [&] { device_.weights_in_blob = support::read_file(bin); };
    support::write_file(bin, a_);
    ASSERT_EQ(ask_in(xml), Outcome::compiled);
    ASSERT_EQ(ask_in(xml), Outcome::loaded);
    int steps = 0;
    for (;; ++steps) {
        support::write_file(bin, a_);
        meddled_.meddle_before(
            static_cast<std::uint64_t>(steps),
            [&](const Call& call) {
                return call.path == bin && call.operation == support::Operation::map;
            },
            [&] {
                support::MappedMemory(bin, MAP_SHARED, PROT_READ | PROT_WRITE)
                    .write(300'000, static_cast<std::byte>(changed[300'000]));
            });
        const auto outcome = ask_in(xml);
        if (!meddled_.is_done()) break;
        EXPECT_TRUE(weights_ == (outcome == Outcome::loaded ? a_ : changed)) << steps << reason_;
        meddled_.stop();
        ask_in(xml);
        EXPECT_TRUE(weights_ == changed) << steps << reason_;
        fs::remove(bin);
    }
    EXPECT_GT(steps, 0);
}

// Between the compiler's reading and the export, and during the export.
TEST_F(MeddledTest, ModelThatChangesWhileItIsExportedIsNotKept) {
    for (const auto& [name, change] : ways()) {
        for (auto* const moment : {&device_.on_compile, &device_.on_export}) {
            forget();
            start_with_a();
            settle();
            const auto usual = std::exchange(*moment, {});
            *moment = [&] {
                if (usual) usual();
                change();
            };
            EXPECT_EQ(ask(), Outcome::bypassed) << name;
            EXPECT_NE(reason_.find("changed"), std::string::npos) << reason_;
            *moment = usual;
            expect_right(b_, name);
            start_with_a();
            expect_right(a_, name);
        }
    }
}

TEST_F(ReferringTest, ProcessesThatDieAtAnyStepOfTheFirstStartCostNothing) {
    std::uint64_t step = 0;
    for (bool is_reached = true; is_reached; ++step) {
        forget();
        const auto status = in_a_child([&] {
            meddled_.meddle_before(
                step, [](const Call& call) { return support::changes_something(call.operation); },
                [] { ::kill(::getpid(), SIGKILL); });
            (void)ask();
        });
        is_reached = WIFSIGNALED(status);
        const auto outcome = ask();
        EXPECT_TRUE(outcome == Outcome::compiled || outcome == Outcome::loaded) << reason_;
        EXPECT_TRUE(weights_ == a_) << step;
        EXPECT_EQ(ask(), Outcome::loaded) << step << reason_;
        EXPECT_TRUE(weights_ == a_) << step;
        EXPECT_LT(kept_bytes(), 2 * k_small_bytes) << step;
        EXPECT_EQ(count("tmp"), 0U) << step;
        EXPECT_EQ(count("quarantine"), 0U) << step;
        ASSERT_FALSE(HasFailure()) << "killed before step " << step;
    }
    EXPECT_GT(step, 10U);
}

TEST_F(ReferringTest, FullDiskCostsNeitherTheModelNorWhatWasKept) {
    support::FaultFileSystem faulty(*fs_);
    ModelReference reference;
    reference.path = xml_;
    for (const bool is_kept : {false, true}) {
        std::uint64_t call = 0;
        for (bool is_reached = true; is_reached; ++call) {
            forget();
            if (is_kept) {
                ASSERT_EQ(ask(), Outcome::compiled);
            }
            faulty.fail_where(
                [&, calls = std::uint64_t{0}](const Call& each) mutable {
                    return support::changes_something(each.operation) && calls++ >= call;
                },
                ENOSPC);
            const auto outcome = ask_for(reference, faulty);
            is_reached = faulty.faults() > 0;
            const auto where = std::to_string(call) + ": " + faulty.first_fault();
            EXPECT_TRUE(weights_ == a_) << where;
            if (is_kept) {
                EXPECT_EQ(outcome, Outcome::loaded) << where << reason_;
            }
            faulty.heal();
            expect_right(a_, where);
            EXPECT_LT(kept_bytes(), 2 * k_small_bytes) << where;
            EXPECT_EQ(count("tmp"), 0U) << where;
            ASSERT_FALSE(HasFailure()) << where;
        }
        EXPECT_GT(call, is_kept ? 1U : 10U);
    }
}

}  // namespace
}  // namespace larder::internal::cache
