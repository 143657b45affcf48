// store/disk/tmp_file.h and store/objects/trials.h on file systems that several machines have
// mounted, and on which locks may not exclude other machines.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "harness.h"
#include "support/fake_clock.h"
#include "support/intercepted_file_system.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

// Another machine's part of the locks is missing, as on NFS with "nolock"; or all of them are.
class NetworkFileSystem final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    Result<os::SpaceInfo> space(const std::string& path) override {
        auto space = inner().space(path);
        if (space) space->locality = os::Locality::network;
        return space;
    }

private:
    std::optional<Error> before(const support::Call& /*call*/) override { return {}; }
};

class OtherMachinesTest : public ::testing::Test {
protected:
    struct Node {
        Node(os::FileSystem& fs, support::FakeClock& clock, std::string boot_id)
            : process{1, "node", std::move(boot_id)}, system{fs, clock, *entropy(), process} {}
        std::unique_ptr<Store> open(const std::string& directory) {
            auto store = Store::open(system, log, memory, {.directory = directory});
            EXPECT_TRUE(store);
            return std::move(*store);
        }
        static os::Entropy* entropy() {
            static const os::RealSystem k_real;
            return &k_real.system().entropy;
        }

        os::ProcessInfo process;
        os::System system;
        Log log{LogLevel::error};
        NoMemory memory;
    };

    OtherMachinesTest() { clock_.set_wall(os::RealSystem().system().clock.wall()); }

    [[nodiscard]] std::string larder() const { return directory_ / "larder"; }
    [[nodiscard]] std::size_t in_tmp() const {
        return static_cast<std::size_t>(std::distance(stdfs::directory_iterator(larder() + "/tmp"),
                                                      stdfs::directory_iterator{}));
    }
    // The leftover files of a process that died, or whose locks other machines cannot see.
    void leave_file(const std::string& machine) const {
        std::ofstream(larder() + "/tmp/object-" + machine + "-0123456789abcdef") << "bytes";
        stdfs::create_directory(larder() + "/tmp/dir-" + machine + "-0123456789abcdef");
    }

    support::TemporaryDirectory directory_;
    std::unique_ptr<os::FileSystem> local_ = os::make_posix_file_system();
    NetworkFileSystem network_{*local_};
    support::FakeClock clock_;
    Node here_{network_, clock_, "here"};
    Node there_{network_, clock_, "there"};
};

TEST_F(OtherMachinesTest, FilesOfAnotherAreSweptOnceTheyAreOld) {
    (void)here_.open(larder());
    leave_file("01234567");
    (void)here_.open(larder());
    EXPECT_EQ(in_tmp(), 2U) << "it may be at work on them";
    clock_.advance(std::chrono::hours(25));
    (void)here_.open(larder());
    EXPECT_EQ(in_tmp(), 0U);
}

TEST_F(OtherMachinesTest, FilesOfTheDeadOfThisOneAreSwept) {
    const auto store = here_.open(larder());
    constexpr std::size_t k_kind = std::string_view("scratch-").size();
    constexpr std::size_t k_mark = 8;
    leave_file(os::file_name(store->scratch_file("")->path()).substr(k_kind, k_mark));
    (void)there_.open(larder());
    EXPECT_EQ(in_tmp(), 2U);
    (void)here_.open(larder());
    EXPECT_EQ(in_tmp(), 0U);
}

TEST_F(OtherMachinesTest, OnALocalDiskTheLockTellsOfEverybody) {
    Node local(*local_, clock_, "here");
    (void)local.open(larder());
    leave_file("01234567");
    (void)local.open(larder());
    EXPECT_EQ(in_tmp(), 0U);
}

// A trial whose lock cannot be seen is not a death, and its marker stays for its own machine.
TEST_F(OtherMachinesTest, ATrialOfAnotherBlamesNobody) {
    const auto store = here_.open(larder());
    const auto manifest = store->publish(blob("x"));
    ASSERT_TRUE(manifest);
    const auto object = manifest->parts[0].object;
    auto trial = store->begin_trial(object);
    ASSERT_TRUE(trial);
    const auto directory = larder() + "/trials/" + object.hex().substr(0, 2) + "/" + object.hex();
    const auto marker = stdfs::directory_iterator(directory)->path();
    const auto copy = directory + "/01234567-0123456789abcdef";
    stdfs::copy_file(marker, copy);
    EXPECT_EQ(there_.open(larder())->count_crashes(object)->crashes, 0U);
    EXPECT_TRUE(stdfs::exists(copy));
    EXPECT_TRUE(stdfs::exists(marker));
    clock_.advance(std::chrono::hours(25));
    EXPECT_EQ(there_.open(larder())->count_crashes(object)->crashes, 0U);
    EXPECT_FALSE(stdfs::exists(copy));
    EXPECT_TRUE(stdfs::exists(marker)) << "its lock is seen here";
}

TEST_F(OtherMachinesTest, LocksOfThisMachineExclude) {
    EXPECT_TRUE(here_.open(larder())->locks_exclude().value());
}

}  // namespace
}  // namespace larder::internal::store
