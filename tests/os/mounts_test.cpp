// os/mounts.h: distinguishes a deleted file from an unmounted disk.
#include "os/mounts.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/mount.h"
#include "support/process.h"
#include "support/temporary_directory.h"
#include "support/unable.h"

namespace larder::internal::os {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view k_mountinfo =
    "21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
    "30 21 0:25 /export /mnt rw - nfs4 server:/export rw\n"
    "31 30 8:17 / /mnt/disk rw shared:7 master:2 - ext4 /dev/sdb1 rw\n"
    "32 21 0:40 / /mnt/my\\040disk rw - tmpfs none rw\n"
    "33 31 8:33 / /mnt/disk rw - xfs /dev/sdc1 rw\n"
    "half a line\n";

TEST(FindMount, IsTheLongestMountPointThatHoldsThePath) {
    const auto point = [](std::string_view path) {
        const auto place = find_mount(k_mountinfo, path);
        return place ? place->mount_point : "none";
    };
    EXPECT_EQ(point("/home/me/m.xml"), "/");
    EXPECT_EQ(point("/mnt"), "/mnt");
    EXPECT_EQ(point("/mnt/m.xml"), "/mnt");
    EXPECT_EQ(point("/mnt/disk"), "/mnt/disk");
    EXPECT_EQ(point("/mnt/diskette/m.xml"), "/mnt");
    EXPECT_EQ(point("/mnt/my disk/m.xml"), "/mnt/my disk");
    EXPECT_EQ(point("relative"), "none");
    EXPECT_FALSE(find_mount("", "/"));
}

TEST(FindMount, TheLastOfSeveralAtOnePointHidesTheOthers) {
    EXPECT_EQ(find_mount(k_mountinfo, "/mnt/disk/m.xml")->file_system, "xfs /dev/sdc1 /");
    EXPECT_EQ(find_mount(k_mountinfo, "/mnt/m.xml")->file_system, "nfs4 server:/export /export");
}

TEST(FindMount, TheLayersOfAnOverlayTellContainersApart) {
    const auto in = [](const std::string& name) {
        return find_mount("21 1 0:9 / / rw - overlay overlay rw,upperdir=/" + name, "/m.xml");
    };
    EXPECT_EQ(in("a"), in("a"));
    EXPECT_NE(in("a"), in("b"));
}

TEST(OptionAgainstLocks, IsToldOfWhatMaySeparateMachines) {
    const auto option = [](const std::string& type_and_source, const std::string& options) {
        return option_against_locks("9 1 0:9 / / rw - ext4 /dev/sda rw\n30 21 0:25 / /mnt rw - " +
                                        type_and_source + " " + options + "\n",
                                    "/mnt/larder");
    };
    EXPECT_EQ(option("nfs server:/export", "rw,vers=3,nolock,local_lock=all"), "nolock");
    EXPECT_EQ(option("nfs4 server:/export", "rw,local_lock=posix"), "local_lock=posix");
    EXPECT_EQ(option("lustre server:/export", "rw,localflock"), "localflock");
    EXPECT_EQ(option("cifs //server/export", "rw,nobrl"), "nobrl");
    EXPECT_EQ(option("nfs4 server:/export", "rw,local_lock=none"), "");
    EXPECT_EQ(option("nfs server:/export", "rw,local_lock=flock"), "");
    EXPECT_EQ(option("ext4 /dev/nolock", "rw,nolock"), "");
    EXPECT_EQ(option_against_locks("", "/mnt"), "");
}

class PlaceTest : public ::testing::Test {
protected:
    support::TemporaryDirectory directory_;
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
};

TEST_F(PlaceTest, WhatDoesNotExistWouldLieWhereItsDirectoryDoes) {
    support::write_file(directory_ / "m.xml", "x");
    const auto there = place_of(*fs_, directory_ / "m.xml");
    ASSERT_TRUE(there) << there.error().message();
    EXPECT_EQ(place_above(*fs_, directory_ / "gone.xml").value(), *there);
    EXPECT_EQ(place_above(*fs_, directory_ / "no/such/directory/gone.xml").value(), *there);
    EXPECT_EQ(place_of(*fs_, directory_ / "gone.xml").error().code, Errc::not_found);
}

TEST_F(PlaceTest, ADiskThatIsNotMountedIsAnotherPlace) {
    const auto disk = stdfs::path(directory_ / "disk");
    stdfs::create_directory(disk);
    std::optional<support::Mount> mount = support::Mount::memory(disk, 1 << 20);
    if (!mount) LARDER_UNABLE() << "mounting is not permitted";
    support::write_file(disk / "m.xml", "x");
    stdfs::create_symlink(disk / "m.xml", directory_ / "link.xml");
    const auto there = place_of(*fs_, disk / "m.xml");
    ASSERT_TRUE(there) << there.error().message();
    EXPECT_EQ(there->mount_point, stdfs::canonical(disk).string());
    EXPECT_EQ(place_of(*fs_, directory_ / "link.xml").value(), *there);
    stdfs::remove(disk / "m.xml");
    EXPECT_EQ(place_above(*fs_, disk / "m.xml").value(), *there) << "gone, and the disk is there";
    mount.reset();
    EXPECT_NE(place_above(*fs_, disk / "m.xml").value(), *there) << "the disk is gone";
    mount.emplace(*support::Mount::memory(disk, 1 << 20));
    EXPECT_NE(place_above(*fs_, disk / "m.xml").value(), *there) << "another disk is there";
}

// Like inside a chroot that is not a mount point: its root is in no list of mounts.
TEST_F(PlaceTest, ARootThatIsNotListedIsTheSamePlaceAndNoOther) {
    if (::geteuid() != 0) LARDER_UNABLE() << "changing the root needs root";
    const std::string places = directory_ / "places";
    for (const std::string name : {"a", "b", "a"}) {
        stdfs::create_directories(directory_ / (name + "/proc"));
        support::write_file(directory_ / (name + "/m.xml"), "x");
        std::ofstream out(places, std::ios::app);
        support::Child child([&] {
            // Not inside such a chroot.
            if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", "", MS_REC | MS_PRIVATE, "") != 0) {
                ::_exit(77);
            }
            const auto proc = directory_ / (name + "/proc");
            ASSERT_EQ(::mount("proc", proc.c_str(), "proc", 0, ""), 0);
            ASSERT_EQ(::chroot((directory_ / name).c_str()), 0);
            ASSERT_EQ(::chdir("/"), 0);
            const auto there = place_of(*fs_, "/m.xml");
            ASSERT_TRUE(there) << there.error().message();
            EXPECT_EQ(place_above(*fs_, "/gone.xml").value(), *there);
            EXPECT_NE(place_of(*fs_, "/proc/self").value(), *there);
            EXPECT_EQ(there->mount_point, "/");
            out << there->file_system << std::endl;
        });
        const int ended = child.wait();
        if (ended == 77) LARDER_UNABLE() << "mounting is not permitted";
        ASSERT_EQ(ended, 0);
    }
    std::istringstream said(support::read_file(places));
    std::vector<std::string> found(3);
    for (auto& place : found) std::getline(said, place);
    EXPECT_EQ(found[0], found[2]);
    EXPECT_NE(found[0], found[1]);
}

}  // namespace
}  // namespace larder::internal::os
