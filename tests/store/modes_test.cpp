// The permissions of new files, with every umask. Each test in a process of its own.
#include <filesystem>
#include <functional>
#include <string>

#include <sys/stat.h>

#include "harness.h"
#include "state/state.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

class ModesTest : public ::testing::Test {
protected:
    static std::uint32_t mode_of(const std::string& path) {
        struct stat status{};
        EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
        return status.st_mode & 07777U;
    }
    // Of the only file in a folder of the larder whose name begins so.
    [[nodiscard]] std::uint32_t mode_in(const std::string& folder, const std::string& begin) const {
        for (const auto& entry : stdfs::recursive_directory_iterator(larder() + "/" + folder)) {
            if (!entry.is_regular_file()) continue;
            if (entry.path().filename().string().starts_with(begin)) return mode_of(entry.path());
        }
        ADD_FAILURE() << "no " << begin << " in " << folder;
        return 0;
    }
    static void with_umask(mode_t mask, const std::function<void()>& work) {
        support::Child child([&] {
            ::umask(mask);
            work();
        });
        EXPECT_EQ(child.wait(), 0) << "umask " << mask;
    }
    [[nodiscard]] std::string larder() const { return directory_ / "larder"; }

    // Temporary and permanent files.
    void use(const std::function<void(Store&)>& look) const {
        const auto fs = os::make_posix_file_system();
        Machine machine(*fs);
        const auto store = machine.must_open(larder());
        const auto manifest = store->publish(blob("x"));
        ASSERT_TRUE(manifest);
        const auto trial = store->begin_trial(manifest->parts[0].object);
        const auto presence = store->announce(manifest->key);
        const auto scratch = store->scratch_file(".bin");
        ASSERT_TRUE(trial && presence && scratch);
        look(*store);
    }

    support::TemporaryDirectory directory_;
};

TEST_F(ModesTest, NobodyElseWritesToAnythingInALarderOfOneUser) {
    for (const mode_t mask : {0000U, 0022U, 0077U}) {
        stdfs::remove_all(larder());
        with_umask(mask, [&] {
            use([&](Store&) {
                EXPECT_EQ(mode_of(larder()) & 0002U, 0U);
                for (const auto* const kind : {"user-", "scratch-"}) {
                    EXPECT_EQ(mode_in("tmp", kind) & ~0640U, 0U) << kind;
                }
                EXPECT_EQ(mode_in("trials", "") & ~0640U, 0U);
                EXPECT_EQ(mode_in("objects", ""), 0444U);
            });
        });
    }
}

// Users who share the larder read locks and remove leftover files; they need not write to these.
TEST_F(ModesTest, AGroupMayLookAtLocksWhateverTheUmask) {
    for (const mode_t mask : {0002U, 0077U}) {
        stdfs::remove_all(larder());
        stdfs::create_directory(larder());
        ASSERT_EQ(::chmod(larder().c_str(), 02770), 0);
        with_umask(mask, [&] {
            use([&](Store&) {
                EXPECT_EQ(mode_in("tmp", "user-"), 0640U);
                EXPECT_EQ(mode_in("tmp", "scratch-"), 0640U);
                EXPECT_EQ(mode_in("trials", ""), 0640U);
            });
        });
    }
}

TEST_F(ModesTest, TheStateIsForItsUserAlone) {
    for (const mode_t mask : {0000U, 0022U, 0077U}) {
        const auto state_directory = directory_ / "home" + std::to_string(mask) + "/state";
        with_umask(mask, [&] {
            const os::RealSystem system;
            Log log(LogLevel::error);
            state::State state(system.system(), log, state_directory);
            state.remember_fingerprint({1, 2, 3, 4, 5}, hash_bytes({}));
            EXPECT_FALSE(state.fault());
            EXPECT_EQ(mode_of(state_directory), 0700U);
            std::size_t files = 0;
            for (const auto& entry : stdfs::directory_iterator(state_directory)) {
                EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
                ++files;
            }
            EXPECT_GE(files, 1U);
        });
    }
}

TEST_F(ModesTest, ADirectoryThatWasThereKeepsItsModes) {
    const auto state_directory = directory_ / "shared";
    stdfs::create_directory(state_directory);
    ASSERT_EQ(::chmod(state_directory.c_str(), 0750), 0);
    const os::RealSystem system;
    Log log(LogLevel::error);
    state::State state(system.system(), log, state_directory);
    EXPECT_FALSE(state.fault());
    EXPECT_EQ(mode_of(state_directory), 0750U);
}

}  // namespace
}  // namespace larder::internal::store
