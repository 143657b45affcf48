// Real disks that are full, read-only, or belong to another user.
#include <functional>

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;
using support::Mount;

class DiskTest : public ::testing::Test {
protected:
    // In a directory that other users can access.
    DiskTest() {
        stdfs::permissions(directory_.path(), stdfs::perms::others_read | stdfs::perms::others_exec,
                           stdfs::perm_options::add);
        stdfs::create_directory(larder_);
    }

    support::TemporaryDirectory directory_;
    std::string larder_ = directory_ / "larder";
    support::UnsyncedCalls calls_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system(calls_);
    Machine machine_{*fs_};
};

TEST_F(DiskTest, ThatIsFullLosesNothing) {
    const auto disk = Mount::memory(larder_, 8 << 20);
    if (!disk) LARDER_UNABLE() << "cannot mount";
    const auto store = machine_.must_open(larder_);
    ASSERT_TRUE(store->publish(blob("x", 1, 3 << 20)));
    int refusals = 0;
    for (int version = 2; version < 30; ++version) {
        // In most cases it does not fit beside the old one.
        const auto size = static_cast<std::size_t>(3 + version % 4) << 20;
        const auto published = store->publish(blob("x", version, size));
        if (!published) {
            EXPECT_EQ(published.error().code, Errc::no_space) << published.error().message();
            ++refusals;
        }
        EXPECT_EQ(support::tree_of(larder_ + "/tmp"), "");
        const auto contents = read_larder(larder_);
        ASSERT_EQ(contents.damage, "");
        ASSERT_TRUE(contents.versions.contains("x"));
        EXPECT_TRUE(contents.unused.empty());
    }
    EXPECT_GT(refusals, 5);
    // Completely full.
    std::string all(8 << 20, 'x');
    const int file = ::open((larder_ + "/tmp/filler").c_str(), O_CREAT | O_WRONLY, 0644);
    while (::write(file, all.data(), all.size()) > 0) {
    }
    ::close(file);
    EXPECT_FALSE(store->publish(blob("y", 1, 1)));
    EXPECT_TRUE(store->find(key_of("x")).manifest);
    static_cast<void>(!store->compile_lock(key_of("y"), {}));
    const auto key = key_of("x");
    EXPECT_TRUE(store->remove({&key, 1})) << "there must be a way out";
    stdfs::remove(larder_ + "/tmp/filler");
    ASSERT_TRUE(store->publish(blob("y", 1, 1)));
    EXPECT_EQ(read_larder(larder_).damage, "");
}

TEST_F(DiskTest, ThatIsFullWhenTheLarderIsMade) {
    const auto disk = Mount::memory(larder_, 1 << 20);
    if (!disk) LARDER_UNABLE() << "cannot mount";
    const std::string all(2 << 20, 'x');
    const int file = ::open((larder_ + "/lost+found").c_str(), O_CREAT | O_WRONLY, 0644);
    static_cast<void>(!::write(file, all.data(), all.size()));
    ::close(file);
    const auto store = machine_.open({.directory = larder_});
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Errc::no_space);
    stdfs::remove(larder_ + "/lost+found");
    ASSERT_TRUE(machine_.must_open(larder_)->publish(blob("x", 1, 10)));
}

TEST_F(DiskTest, ThatIsMountedReadOnlyIsRead) {
    {
        const auto store = machine_.must_open(larder_);
        ASSERT_TRUE(store->publish(blob("x")));
    }
    const auto before = support::tree_of(larder_);
    const auto mount = Mount::read_only(larder_);
    if (!mount) LARDER_UNABLE() << "cannot mount";
    const auto opened =
        machine_.open({.directory = larder_, .state_directory = directory_ / "state"});
    ASSERT_TRUE(opened) << opened.error().message();
    auto& store = **opened;
    EXPECT_EQ(store.access(), Access::read_only);
    ASSERT_TRUE(store.read_only_reason());
    EXPECT_EQ(store.read_only_reason()->code, Errc::read_only);
    const auto found = store.find(key_of("x"));
    ASSERT_TRUE(found.manifest);
    const auto part = found.manifest->parts[0];
    const auto object = store.open_object(key_of("x"), part, Verify::always);
    ASSERT_TRUE(object);
    EXPECT_EQ(text_of(*object), content_of("x", 1, 5'000));
    EXPECT_EQ(store.publish(blob("y")).error().code, Errc::read_only);
    EXPECT_EQ(store.compile_lock(key_of("y"), {}).error().code, Errc::read_only);
    EXPECT_TRUE(store.begin_trial(part.object));
    EXPECT_TRUE(store.quarantine(key_of("x"), part, "test"));
    EXPECT_FALSE(store.find(key_of("x")).manifest);
    EXPECT_EQ(support::tree_of(larder_), before);
}

TEST_F(DiskTest, ThatIsReadOnlyAndEmptyIsAnEmptyLarder) {
    const auto mount = Mount::read_only(larder_);
    if (!mount) LARDER_UNABLE() << "cannot mount";
    for (const auto& path : {larder_, larder_ + "/below"}) {
        const auto store = machine_.open({.directory = path});
        ASSERT_TRUE(store) << store.error().message();
        EXPECT_EQ((*store)->access(), Access::read_only);
        EXPECT_TRUE((*store)->read_only_reason());
        EXPECT_FALSE((*store)->find(key_of("x")).manifest);
    }
}

// The mount becomes read-only while the larder is open, like a disk with errors.
TEST_F(DiskTest, ThatTurnsReadOnlyLosesNothing) {
    const auto store = machine_.must_open(larder_);
    ASSERT_TRUE(store->publish(blob("x")));
    {
        const auto mount = Mount::read_only(larder_);
        if (!mount) LARDER_UNABLE() << "cannot mount";
        // The paths that the store uses now lead through the mount.
        EXPECT_EQ(store->publish(blob("y")).error().code, Errc::read_only);
        EXPECT_FALSE(store->compile_lock(key_of("y"), {}));
        EXPECT_TRUE(store->find(key_of("x")).manifest);
    }
    EXPECT_TRUE(store->publish(blob("y")));
}

TEST_F(DiskTest, OfAnotherUserIsRead) {
    if (!support::can_become_another_user()) LARDER_UNABLE() << "cannot become another user";
    ASSERT_TRUE(machine_.must_open(larder_)->publish(blob("x")));
    const auto before = support::tree_of(larder_);
    EXPECT_EQ(
        support::run_as(65534,
                        [&] {
                            const auto store = machine_.open({.directory = larder_});
                            ASSERT_TRUE(store) << store.error().message();
                            EXPECT_EQ((*store)->access(), Access::read_only);
                            EXPECT_EQ((*store)->read_only_reason()->code, Errc::permission_denied);
                            const auto found = (*store)->find(key_of("x"));
                            ASSERT_TRUE(found.manifest);
                            EXPECT_TRUE((*store)->open_object(
                                found.manifest->key, found.manifest->parts[0], Verify::always));
                            EXPECT_EQ((*store)->publish(blob("y")).error().code, Errc::read_only);
                            EXPECT_TRUE((*store)->verify({})->findings.empty());
                        }),
        0);
    EXPECT_EQ(support::tree_of(larder_), before);
}

TEST_F(DiskTest, OfAnotherUserThatCannotBeReadIsAnError) {
    if (!support::can_become_another_user()) LARDER_UNABLE() << "cannot become another user";
    ASSERT_TRUE(machine_.must_open(larder_)->publish(blob("x")));
    stdfs::permissions(larder_, stdfs::perms::owner_all);
    EXPECT_EQ(support::run_as(65534,
                              [&] {
                                  const auto store = machine_.open({.directory = larder_});
                                  ASSERT_FALSE(store);
                                  EXPECT_EQ(store.error().code, Errc::permission_denied);
                              }),
              0);
}

// Two users of one group: both publish, and each removes entries of the other.
TEST_F(DiskTest, OfAGroupIsWrittenByAllOfIt) {
    if (!support::can_become_another_user()) LARDER_UNABLE() << "cannot become another user";
    constexpr gid_t k_group = 4711;
    ASSERT_EQ(::chown(larder_.c_str(), 0, k_group), 0);
    ASSERT_EQ(::chmod(larder_.c_str(), 02775), 0);
    const auto as = [&](uid_t user, const std::function<void(Store&)>& body) {
        support::Child child([&] {
            const gid_t groups[] = {k_group};
            ASSERT_EQ(::setgroups(1, groups), 0);
            ASSERT_EQ(::setgid(user), 0);
            ASSERT_EQ(::setuid(user), 0);
            ::umask(002);
            Machine machine(*fs_);
            const auto store = machine.must_open(larder_);
            ASSERT_TRUE(store);
            EXPECT_EQ(store->access(), Access::read_write);
            body(*store);
        });
        EXPECT_EQ(child.wait(), 0);
    };
    as(4712, [](Store& store) { EXPECT_TRUE(store.publish(blob("x", 1))); });
    as(4713, [](Store& store) {
        EXPECT_TRUE(store.publish(blob("y", 1)));
        EXPECT_TRUE(store.publish(blob("x", 2)));
        EXPECT_TRUE(store.compile_lock(key_of("x"), {}));
    });
    as(4712, [](Store& store) {
        const auto key = key_of("y");
        EXPECT_TRUE(store.remove({&key, 1}));
        EXPECT_TRUE(store.compile_lock(key_of("x"), {}));
        EXPECT_TRUE(store.verify({})->findings.empty());
    });
    const auto contents = read_larder(larder_);
    EXPECT_EQ(contents.damage, "");
    EXPECT_EQ(contents.versions.at("x"), 2);
    EXPECT_TRUE(contents.unused.empty());
}

TEST_F(DiskTest, WithoutDescriptorsNothingIsLost) {
    auto store = machine_.must_open(larder_);
    ASSERT_TRUE(store->publish(blob("x")));
    support::Child child([&] {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        for (rlim_t descriptors = 3; descriptors < 16; ++descriptors) {
            limit.rlim_cur = descriptors;
            ::setrlimit(RLIMIT_NOFILE, &limit);
            const auto published = store->publish(blob("x", static_cast<int>(descriptors)));
            EXPECT_TRUE(published || published.error().code == Errc::too_many_files)
                << published.error().message();
            const auto found = store->find(key_of("x"));
            EXPECT_TRUE(found.manifest || found.fault->code == Errc::too_many_files);
        }
        EXPECT_TRUE(store->find(key_of("x")).manifest);
    });
    EXPECT_EQ(child.wait(), 0);
    const auto contents = read_larder(larder_);
    EXPECT_EQ(contents.damage, "");
    EXPECT_TRUE(contents.versions.contains("x"));
    EXPECT_EQ(support::tree_of(larder_ + "/tmp"), "");
}

}  // namespace
}  // namespace larder::internal::store
