// cache/entries/kernels.h: kernels that a device builds while a model runs, on a fake runtime.
#include "cache/entries/kernels.h"

#include <chrono>
#include <thread>

#include "attempt_harness.h"
#include "support/fault_file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace stdfs = std::filesystem;
using support::read_file;
using support::tree_of;
using support::write_file;

constexpr const char* k_kernel = "123.cl_cache";
constexpr std::chrono::minutes k_limit_of_wait{1};

// An ELF file with a section of code.
std::string kernel(const std::string& code = "code") {
    std::string file =
        "\x7f"
        "ELF\x02\x01";
    file.resize(192, '\0');
    file[40] = 64;  // the table
    file[58] = 64;
    file[60] = 2;                             // its entries
    file[128 + 24] = static_cast<char>(192);  // of the second, where it lies
    file[128 + 32] = static_cast<char>(code.size());
    return file + code;
}

class KernelsTest : public AttemptTest {
protected:
    KernelsTest() { device_.makes_kernels = true; }

    // Like the device at an inference.
    void make(const std::string& name = k_kernel, const std::string& content = kernel()) const {
        write_file(device_.kernels + "/" + name, content);
    }
    void first_start() {
        Session session(system(), log_, config_);
        EXPECT_EQ(ask(session).response->outcome, Outcome::compiled);
        ASSERT_NE(device_.kernels, "");
        make();
    }
    // The kernels that the device gets at a start.
    std::string given() {
        Session session(system(), log_, config_);
        EXPECT_EQ(ask(session).response->outcome, Outcome::loaded);
        return device_.kernels.empty() ? "no directory" : tree_of(device_.kernels);
    }
    std::optional<format::Manifest> kept() {
        Session session(system(), log_, config_);
        std::optional<format::Manifest> found;
        const auto visited = (*session.store())->for_each_entry([&](store::ListedEntry& entry) {
            if (entry.manifest && !kernels_of(*entry.manifest).empty()) found = *entry.manifest;
            return store::Continue::yes;
        });
        EXPECT_TRUE(visited);
        return found;
    }
    stdfs::path object_of(const format::Manifest& manifest) const {
        const auto name = manifest.parts.front().object.hex();
        return stdfs::path(config_.directory) / "objects" / name.substr(0, 2) / name;
    }
    static bool appears(const std::string& path) {
        const auto until = std::chrono::steady_clock::now() + k_limit_of_wait;
        while (!stdfs::exists(path) && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return stdfs::exists(path);
    }
};

TEST_F(KernelsTest, TheFirstStartKeepsThemAndTheSecondHasThem) {
    first_start();
    EXPECT_FALSE(stdfs::exists(device_.kernels));
    const auto entry = kept();
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->parts.size(), 1U);
    EXPECT_EQ(entry->requirements, device_.requirements);
    Session session(system(), log_, config_);
    EXPECT_EQ(ask(session).response->outcome, Outcome::loaded);
    EXPECT_EQ(read_file(device_.kernels + "/" + k_kernel), kernel());
    EXPECT_TRUE(said_.empty());
}

TEST_F(KernelsTest, OneThatIsCutShortOrNoneIsNotKept) {
    {
        Session session(system(), log_, config_);
        (void)ask(session);
        make(k_kernel, kernel().substr(0, 194));
        make("7.cl_cache", "");
        make("7.blob");
        make("notes");
    }
    EXPECT_FALSE(kept());
    EXPECT_EQ(given(), "");
}

TEST_F(KernelsTest, OneThatIsStillWrittenIsKeptOnceItIsWhole) {
    Session session(system(), log_, config_);
    (void)ask(session);
    make(k_kernel, kernel().substr(0, 194));
    session.keep_late_files();
    EXPECT_FALSE(kept());
    make();
    session.keep_late_files();
    EXPECT_TRUE(kept());
}

TEST_F(KernelsTest, AModelThatMakesNoneGetsNoDirectory) {
    device_.makes_kernels = false;
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(device_.imports_done, 0);
    EXPECT_EQ(given(), "no directory");
}

TEST_F(KernelsTest, DamageIsNeverHandedOver) {
    first_start();
    const auto object = object_of(kept().value());
    stdfs::permissions(object, stdfs::perms::owner_write, stdfs::perm_options::add);
    write_file(object, kernel("edoc"));
    EXPECT_EQ(given(), "");
    EXPECT_FALSE(kept());
    EXPECT_EQ(count("quarantine"), 2U);  // it, and its entry
    // Kernels that are built again are stored again.
    {
        Session session(system(), log_, config_);
        (void)ask(session);
        make();
    }
    EXPECT_EQ(given(), std::string(k_kernel) + "\n");
}

TEST_F(KernelsTest, AnObjectThatIsGoneIsKeptAnewWithTheNextKernel) {
    first_start();
    stdfs::remove(object_of(kept().value()));
    Session session(system(), log_, config_);
    (void)ask(session);
    EXPECT_EQ(tree_of(device_.kernels), "");
    make();
    make("4.cl_cache");
    session.keep_late_files();
    EXPECT_EQ(given(), std::string(k_kernel) + "\n4.cl_cache\n");
}

TEST_F(KernelsTest, ProcessesThatRunAtOnceHaveEachOthers) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    Session first(system(), log_, config_);
    (void)ask(first);
    const auto of_first = device_.kernels;
    Session second(system(), log_, config_);
    (void)ask(second);
    const auto of_second = device_.kernels;
    write_file(of_first + "/1.cl_cache", kernel("one"));
    write_file(of_second + "/2.cl_cache", kernel("two"));
    // The program does nothing for this.
    EXPECT_TRUE(appears(of_first + "/2.cl_cache"));
    EXPECT_TRUE(appears(of_second + "/1.cl_cache"));
    EXPECT_EQ(read_file(of_second + "/1.cl_cache"), kernel("one"));
    EXPECT_EQ(kept().value().parts.size(), 2U);
}

TEST_F(KernelsTest, AModelThatIsLoadedTwiceHasOneDirectory) {
    first_start();
    Session session(system(), log_, config_);
    (void)ask(session);
    const auto directory = device_.kernels;
    (void)ask(session);
    EXPECT_EQ(device_.kernels, directory);
    stdfs::remove_all(directory);
    (void)ask(session);
    EXPECT_NE(device_.kernels, directory);
    EXPECT_EQ(tree_of(device_.kernels), std::string(k_kernel) + "\n");
}

TEST_F(KernelsTest, ThoseOfAnotherDriverAreNotHandedOver) {
    first_start();
    config_.mode = Mode::refresh;
    device_.requirements = "fake 2";
    EXPECT_EQ(outcome(), Outcome::compiled);
    config_.mode = Mode::on;
    Session session(system(), log_, config_);
    EXPECT_EQ(ask(session).response->outcome, Outcome::loaded);
    EXPECT_EQ(tree_of(device_.kernels), "");
    make("4.cl_cache");
    session.keep_late_files();
    EXPECT_EQ(kept().value().requirements, "fake 2");
    EXPECT_EQ(kept().value().parts.size(), 1U);
}

TEST_F(KernelsTest, ARefreshMakesThemAnew) {
    first_start();
    config_.mode = Mode::refresh;
    {
        Session session(system(), log_, config_);
        EXPECT_EQ(ask(session).response->outcome, Outcome::compiled);
        EXPECT_EQ(tree_of(device_.kernels), "");
        make("4.cl_cache");
    }
    config_.mode = Mode::on;
    EXPECT_EQ(given(), "4.cl_cache\n");
}

TEST_F(KernelsTest, WhatIsRemovedComesBackOnlyWithWhatIsNew) {
    first_start();
    Session session(system(), log_, config_);
    (void)ask(session);
    const auto key = kept().value().key;
    ASSERT_TRUE((*session.store())->remove(std::span(&key, 1)));
    session.keep_late_files();
    EXPECT_FALSE(kept());
    make("4.cl_cache");
    session.keep_late_files();
    EXPECT_EQ(kept().value().parts.size(), 2U);
}

TEST_F(KernelsTest, ALarderThatIsReadHandsThemOverAndKeepsNone) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    config_.mode = Mode::read_only;
    EXPECT_EQ(given(), "no directory");
    config_.mode = Mode::on;
    {
        Session session(system(), log_, config_);
        (void)ask(session);
        make();
    }
    config_.mode = Mode::read_only;
    Session session(system(), log_, config_);
    EXPECT_EQ(ask(session).response->outcome, Outcome::loaded);
    EXPECT_EQ(tree_of(device_.kernels), std::string(k_kernel) + "\n");
    EXPECT_TRUE(device_.kernels.starts_with(config_.state_directory));
    make("4.cl_cache");
    session.keep_late_files();
    EXPECT_EQ(kept().value().parts.size(), 1U);
}

TEST_F(KernelsTest, AFullDiskIsInNobodysWay) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    support::FaultFileSystem faults(system_.system().fs);
    const auto real = system_.system();
    const os::System full{faults, real.clock, real.entropy, real.process};
    {
        Session session(full, log_, config_);
        faults.fail_all(support::Operation::make_directory, ENOSPC);
        EXPECT_EQ(ask(session).response->outcome, Outcome::loaded);
        EXPECT_EQ(device_.kernels, "");
        faults.heal();
        EXPECT_EQ(ask(session).response->outcome, Outcome::loaded);
        make();
        faults.fail_all(support::Operation::write, ENOSPC);
        session.keep_late_files();
        faults.heal();
    }
    EXPECT_LE(said_.size(), 1U);
    EXPECT_EQ(count("tmp"), 0U);
    EXPECT_EQ(count("quarantine"), 0U);
}

// Each call of a start fails in turn, from the look for the model to the last of its kernels.
TEST_F(KernelsTest, WhicheverCallFailsTheModelIsServedAndKernelsAreWhole) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    support::FaultFileSystem faults(system_.system().fs);
    const auto real = system_.system();
    const os::System failing{faults, real.clock, real.entropy, real.process};
    std::uint64_t failed = 1;
    for (std::uint64_t calls = 0; failed > 0; ++calls) {
        if (const auto entry = kept()) {
            Session session(system(), log_, config_);
            ASSERT_TRUE((*session.store())->remove(std::span(&entry->key, 1)));
        }
        device_.kernels.clear();
        {
            Session session(failing, log_, config_);
            faults.fail_once_after(calls, EIO);
            const auto asked = ask(session);
            ASSERT_TRUE(asked.response.has_value());
            EXPECT_EQ(asked.model, "compiled x");
            if (!device_.kernels.empty()) make();
            session.keep_late_files();
        }
        failed = faults.faults();
        faults.heal();
        Session session(system(), log_, config_);
        EXPECT_EQ(ask(session).model, "compiled x");
        for (const auto& file : stdfs::directory_iterator(device_.kernels)) {
            EXPECT_EQ(read_file(file.path()), kernel()) << file.path() << ", call " << calls;
        }
    }
    EXPECT_EQ(given(), std::string(k_kernel) + "\n");
    EXPECT_EQ(count("tmp"), 0U);
}

TEST_F(KernelsTest, WhatAKilledProcessLeavesIsSweptAndNothingIsHalfKept) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    support::Signal has_made;
    support::Child child([&] {
        Session session(system(), log_, config_);
        (void)ask(session);
        make(k_kernel, kernel().substr(0, 194));
        has_made.raise();
        std::this_thread::sleep_for(k_limit_of_wait);
    });
    ASSERT_TRUE(has_made.wait());
    child.kill();
    EXPECT_NE(child.wait(), 0);
    EXPECT_FALSE(kept());
    EXPECT_EQ(given(), "");
    EXPECT_EQ(count("tmp"), 0U);
}

// Sanitizers handle crashes themselves, so that larder does not detect them.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(KernelsTest, ThoseThatAProcessCrashedWithAreMadeAnew) {
    first_start();
    // A blob with a successful trial is not the cause.
    EXPECT_EQ(given(), std::string(k_kernel) + "\n");
    EXPECT_TRUE(WIFSIGNALED(in_a_child([&] {
        Session session(system(), log_, config_);
        (void)ask(session);
        support::write_nowhere();
    })));
    EXPECT_EQ(given(), "");
    ASSERT_EQ(said_.size(), 1U);
    EXPECT_NE(said_.front().find("built again"), std::string::npos);
}
#endif

}  // namespace
}  // namespace larder::internal::cache
