// A larder that two users of a group share, with any umask; but never a world-writable one.
#include <filesystem>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

constexpr uid_t k_anna = 60001;
constexpr uid_t k_bert = 60002;
constexpr gid_t k_team = 60003;

class SharingTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!support::can_become_another_user()) LARDER_UNABLE() << "cannot become another user";
        stdfs::permissions(directory_.path(), stdfs::perms(0755));
        // Like an administrator: mkdir, chgrp, chmod g+ws.
        stdfs::create_directory(larder());
        ASSERT_EQ(::chown(larder().c_str(), 0, k_team), 0);
        ASSERT_EQ(::chmod(larder().c_str(), 02775), 0);
    }
    [[nodiscard]] std::string larder() const { return directory_ / "larder"; }
    // In a process of that user, with a umask that lets only the user write.
    void as(uid_t user, const std::function<void(Store&)>& work) {
        support::Child child([&] {
            ASSERT_EQ(::setgroups(1, &k_team), 0);
            ASSERT_EQ(::setgid(user), 0);
            ASSERT_EQ(::setuid(user), 0);
            ::umask(0077);
            const auto fs = os::make_posix_file_system();
            Machine machine(*fs);
            const auto store = machine.open({.directory = larder(), .world_writable = allowed_});
            ASSERT_TRUE(store) << store.error().message();
            ASSERT_EQ((*store)->access(), Access::read_write)
                << (*store)->read_only_reason()->message();
            work(**store);
        });
        EXPECT_EQ(child.wait(), 0);
    }

    support::TemporaryDirectory directory_;
    WorldWritable allowed_ = WorldWritable::refuse;
};

TEST_F(SharingTest, RootLeavesNothingThatTheOwnerCannotRemove) {
    ASSERT_EQ(::chown(larder().c_str(), k_anna, k_anna), 0);
    ASSERT_EQ(::chmod(larder().c_str(), 0700), 0);
    // In a child, so that root's umask here does not matter.
    support::Child root([&] {
        ::umask(0077);
        const auto fs = os::make_posix_file_system();
        Machine machine(*fs);
        const auto store = machine.must_open(larder());
        ASSERT_TRUE(store->publish(blob("a")));
        const auto manifest = *store->publish(blob("b", 2));
        ASSERT_TRUE(store->compile_lock(key_of("a"), {}));
        ASSERT_TRUE(store->pin(key_of("a")));
        auto trial = store->begin_trial(manifest.parts[0].object);
        ASSERT_TRUE(trial);
        ASSERT_TRUE(store->quarantine(manifest.key, manifest.parts[0], "test"));
    });
    EXPECT_EQ(root.wait(), 0);
    for (const auto& file : stdfs::recursive_directory_iterator(larder())) {
        struct stat found{};
        ASSERT_EQ(::lstat(file.path().c_str(), &found), 0);
        EXPECT_EQ(found.st_uid, k_anna) << file.path();
    }
    as(k_anna, [](Store& store) {
        ASSERT_TRUE(store.remove(std::vector{key_of("a")}));
        ASSERT_TRUE(store.publish(blob("a")));
        ASSERT_TRUE(store.publish(blob("b")));
    });
}

TEST_F(SharingTest, EachCanLoadReplaceAndRemoveWhatTheOtherKept) {
    as(k_anna, [](Store& store) {
        ASSERT_TRUE(store.publish(blob("a")));
        ASSERT_TRUE(store.publish(blob("b")));
        ASSERT_TRUE(store.compile_lock(key_of("a"), {}));
        const auto manifest = store.find(key_of("a")).manifest;
        auto trial = store.begin_trial(manifest->parts[0].object);
        ASSERT_TRUE(trial) << trial.error().message();
    });
    as(k_bert, [](Store& store) {
        const auto manifest = store.find(key_of("a")).manifest;
        ASSERT_TRUE(manifest);
        const auto object = store.open_object(manifest->key, manifest->parts[0], Verify::always);
        ASSERT_TRUE(object) << object.error().message();
        const auto compile_lock = store.compile_lock(key_of("a"), {});
        ASSERT_TRUE(compile_lock) << compile_lock.error().message();
        const auto trial = store.begin_trial(manifest->parts[0].object);
        ASSERT_TRUE(trial) << trial.error().message();
        const auto proven = store.mark_proven(manifest->parts[0].object);
        ASSERT_TRUE(proven) << proven.error().message();
        const auto again = store.publish(blob("a", 2));
        ASSERT_TRUE(again) << again.error().message();
        const auto aside =
            store.quarantine(manifest->key, store.find(key_of("b")).manifest->parts[0], "a test");
        ASSERT_TRUE(aside) << aside.error().message();
        const auto removed = store.remove(std::vector{key_of("b")});
        ASSERT_TRUE(removed) << removed.error().message();
        ASSERT_TRUE(store.publish(blob("c")));
    });
    as(k_anna, [](Store& store) {
        const auto manifest = store.find(key_of("a")).manifest;
        ASSERT_TRUE(manifest);
        ASSERT_TRUE(store.open_object(manifest->key, manifest->parts[0], Verify::always));
        const std::vector keys{key_of("a"), key_of("c")};
        const auto removed = store.remove(keys);
        ASSERT_TRUE(removed) << removed.error().message();
        ASSERT_TRUE(store.verify({})->findings.empty());
    });
}

TEST_F(SharingTest, SetsOfFilesAreSharedToo) {
    as(k_anna, [](Store& store) { ASSERT_TRUE(store.publish(files("f", {{"x", "1"}}))); });
    as(k_bert, [](Store& store) {
        const auto manifest = store.find(key_of("f")).manifest;
        ASSERT_TRUE(manifest);
        const auto directory = store.materialise(&*manifest, Verify::once);
        ASSERT_TRUE(directory) << directory.error().message();
    });
}

TEST_F(SharingTest, ObjectsCannotBeWrittenToByAnybody) {
    as(k_anna, [](Store& store) { ASSERT_TRUE(store.publish(blob("a"))); });
    for (const auto& entry : stdfs::recursive_directory_iterator(larder() + "/objects")) {
        const auto mode = static_cast<unsigned>(entry.status().permissions());
        EXPECT_EQ(mode & 0777, entry.is_directory() ? 0770U : 0444U) << entry.path();
        EXPECT_EQ((mode & 02000U) != 0, entry.is_directory()) << entry.path();
    }
}

TEST_F(SharingTest, WithoutWritableGroupNothingIsGivenAway) {
    ASSERT_EQ(::chown(larder().c_str(), k_anna, k_team), 0);
    ASSERT_EQ(::chmod(larder().c_str(), 0755), 0);
    as(k_anna, [](Store& store) { ASSERT_TRUE(store.publish(blob("a"))); });
    for (const auto& entry : stdfs::recursive_directory_iterator(larder())) {
        EXPECT_EQ(static_cast<unsigned>(entry.status().permissions()) & 0022U, 0U) << entry.path();
    }
}

TEST_F(SharingTest, WhatEverybodyCanWriteToIsRefusedUnlessAllowed) {
    ASSERT_EQ(::chmod(larder().c_str(), 0777), 0);
    const auto fs = os::make_posix_file_system();
    Machine machine(*fs);
    for (const auto access : {Access::read_only, Access::read_write}) {
        const auto refused = machine.open({.directory = larder(), .access = access});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::permission_denied);
        EXPECT_NE(refused.error().remedy.find("chmod o-w"), std::string::npos);
        EXPECT_NE(refused.error().remedy.find("LARDER_ALLOW_WORLD_WRITABLE"), std::string::npos);
    }
    EXPECT_EQ(support::tree_of(larder()), "");
    allowed_ = WorldWritable::allow;
    as(k_anna, [](Store& store) { ASSERT_TRUE(store.publish(blob("a"))); });
    as(k_bert, [](Store& store) {
        ASSERT_TRUE(store.publish(blob("a", 2)));
        ASSERT_TRUE(store.remove(std::vector{key_of("a")}));
    });
}

TEST_F(SharingTest, WithoutAUmaskALarderIsNotMadeForEverybody) {
    const auto before = ::umask(0);
    const auto fs = os::make_posix_file_system();
    Machine machine(*fs);
    const auto fresh = directory_ / "fresh";
    EXPECT_TRUE(machine.must_open(fresh)->publish(blob("a")));
    ::umask(before);
    EXPECT_EQ(static_cast<unsigned>(stdfs::status(fresh).permissions()), 0770U);
    EXPECT_TRUE(machine.must_open(fresh)->find(key_of("a")).manifest);
}

}  // namespace
}  // namespace larder::internal::store
