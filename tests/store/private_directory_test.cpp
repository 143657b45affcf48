// store/private_directory.h: the files that a device finds in its own directory, and writes there.
#include "store/private_directory.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "harness.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;
using support::read_file;
using support::write_file;

class PrivateDirectoryTest : public LarderTest {
protected:
    void SetUp() override {
        manifest_ = *publish(files("set", {{"a", "A"}, {"b", "BB"}}));
        // Waits so that the next write gets another mtime.
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    PrivateDirectory materialise(Store& store) {
        auto directory = store.materialise(&manifest_, Verify::once);
        EXPECT_TRUE(directory) << directory.error().message();
        return std::move(*directory);
    }
    static std::string names(const std::vector<PartSource>& sources) {
        std::vector<std::string> names;
        names.reserve(sources.size());
        for (const auto& source : sources) names.push_back(source.name);
        std::sort(names.begin(), names.end());
        std::string text;
        for (const auto& name : names) text += name + " ";
        return text;
    }

    Manifest manifest_;
};

TEST_F(PrivateDirectoryTest, HoldsThePartsAndGoesAway) {
    std::string path;
    {
        const auto directory = materialise(*store_);
        path = directory.path();
        EXPECT_EQ(support::tree_of(path), "a\nb\n");
        EXPECT_EQ(read_file(path + "/b"), "BB");
        const auto harvest = store_->harvest(directory);
        ASSERT_TRUE(harvest);
        EXPECT_FALSE(harvest->changed());
        EXPECT_EQ(harvest->kept.size(), 2U);
    }
    EXPECT_FALSE(stdfs::exists(path));
    EXPECT_EQ(tmp(), "");
    EXPECT_EQ(read_larder(larder()).damage, "");
}

TEST_F(PrivateDirectoryTest, PartsAreAddedAsCopiesAndReplaceNothing) {
    auto directory = store_->materialise(nullptr, Verify::always);
    ASSERT_TRUE(directory);
    write_file(directory->path() + "/a", "of the device");
    const auto added = store_->add_parts(*directory, manifest_);
    ASSERT_TRUE(added) << added.error().message();
    EXPECT_EQ(*added, 1U);
    EXPECT_EQ(support::tree_of(directory->path()), "a\nb\n");
    EXPECT_EQ(read_file(directory->path() + "/a"), "of the device");
    // With every change by the device, the object does not change.
    write_file(directory->path() + "/b", "rewritten");
    const auto harvest = store_->harvest(*directory);
    ASSERT_TRUE(harvest);
    EXPECT_EQ(names(harvest->fresh), "a b ");
    EXPECT_EQ(read_larder(larder()).damage, "");
}

TEST_F(PrivateDirectoryTest, DamageIsNotAdded) {
    auto directory = store_->materialise(nullptr, Verify::always);
    ASSERT_TRUE(directory);
    support::flip_byte(path_of(manifest_.parts.back().object), 1);
    const auto added = store_->add_parts(*directory, manifest_);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, Errc::damaged);
    EXPECT_EQ(support::tree_of(directory->path()), "a\n");
}

TEST_F(PrivateDirectoryTest, AFileThatIsBeingWrittenIsHarvestedOnceItIsWhole) {
    const auto directory = materialise(*store_);
    std::ofstream file(directory.path() + "/c");
    file << "half" << std::flush;
    EXPECT_FALSE(store_->harvest(directory)->changed());
    file.close();
    EXPECT_EQ(names(store_->harvest(directory)->fresh), "c ");
}

TEST_F(PrivateDirectoryTest, WhatIsNewRewrittenOrGoneIsHarvested) {
    const auto directory = materialise(*store_);
    write_file(directory.path() + "/new", "N");
    stdfs::remove(directory.path() + "/a");
    write_file(directory.path() + "/b.tmp", "rewritten");
    stdfs::rename(directory.path() + "/b.tmp", directory.path() + "/b");
    stdfs::create_directory(directory.path() + "/no file");
    stdfs::create_symlink("/etc/passwd", directory.path() + "/link");
    auto harvest = store_->harvest(directory);
    ASSERT_TRUE(harvest);
    EXPECT_TRUE(harvest->changed());
    EXPECT_EQ(names(harvest->fresh), "b new ");
    EXPECT_EQ(harvest->removed, std::vector<std::string>{"a"});
    EXPECT_TRUE(harvest->kept.empty());

    auto publication = files("set", {});
    publication.sources = harvest->fresh;
    publication.kept = harvest->kept;
    ASSERT_TRUE(publish(publication));
    manifest_ = *store_->find(key_of("set")).manifest;
    const auto again = materialise(*store_);
    EXPECT_EQ(read_file(again.path() + "/b"), "rewritten");
    EXPECT_EQ(read_file(again.path() + "/new"), "N");
    EXPECT_EQ(quarantine(), "");
}

// The mode forbids it, but root, or a process that changes the mode, can write.
TEST_F(PrivateDirectoryTest, AnObjectThatWasWrittenThroughIsSetAside) {
    const auto directory = materialise(*store_);
    stdfs::permissions(directory.path() + "/b", stdfs::perms::owner_write,
                       stdfs::perm_options::add);
    write_file(directory.path() + "/b", "XX");
    const auto harvest = store_->harvest(directory);
    ASSERT_TRUE(harvest) << harvest.error().message();
    EXPECT_EQ(names(harvest->fresh), "b ");
    EXPECT_EQ(harvest->kept.size(), 1U);
    EXPECT_FALSE(store_->find(manifest_.key).manifest) << "nobody is served the changed object";
    EXPECT_NE(quarantine(), "");
}

TEST_F(PrivateDirectoryTest, IsNeverMadeOfDamagedParts) {
    support::flip_byte(path_of(manifest_.parts[0].object), 0);
    const auto directory = store_->materialise(&manifest_, Verify::once);
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().code, Errc::damaged);
    EXPECT_EQ(tmp(), "");
    EXPECT_FALSE(store_->find(manifest_.key).manifest);
}

TEST_F(PrivateDirectoryTest, OfAMissingPartIsNotFound) {
    stdfs::remove(path_of(manifest_.parts[1].object));
    EXPECT_EQ(store_->materialise(&manifest_, Verify::once).error().code, Errc::not_found);
    EXPECT_EQ(tmp(), "");
}

TEST_F(PrivateDirectoryTest, BeginsEmptyForNoEntry) {
    const auto directory = store_->materialise(nullptr, Verify::once);
    ASSERT_TRUE(directory);
    EXPECT_TRUE(stdfs::is_empty(directory->path()));
    write_file(directory->path() + "/a", "A");
    EXPECT_EQ(names(store_->harvest(*directory)->fresh), "a ");
}

TEST_F(PrivateDirectoryTest, OfALarderThatIsReadOnlyStandsOnThisMachine) {
    const auto state = directory_ / "state";
    const auto opened = machine_.open(
        {.directory = larder(), .state_directory = state, .access = Access::read_only});
    const auto before = tree();
    {
        const auto directory = materialise(**opened);
        EXPECT_TRUE(directory.path().starts_with(state));
        EXPECT_EQ(read_file(directory.path() + "/b"), "BB");
        // A copy: writes to it do not reach the larder.
        write_file(directory.path() + "/b", "XX");
        EXPECT_EQ(names((*opened)->harvest(directory)->fresh), "b ");
    }
    EXPECT_EQ(tree(), before);
    EXPECT_EQ(support::tree_of(state), "");
    EXPECT_EQ(read_larder(larder()).damage, "");
    const auto nowhere = machine_.open({.directory = larder(), .access = Access::read_only});
    EXPECT_EQ((*nowhere)->materialise(&manifest_, Verify::once).error().code, Errc::read_only);
}

// A program that forks has copies of everything, and its child may end first.
TEST_F(PrivateDirectoryTest, AndATrialAreNotRemovedByAChild) {
    auto directory = std::make_unique<PrivateDirectory>(materialise(*store_));
    auto trial = store_->begin_trial(manifest_.parts[0].object);
    const auto path = directory->path();
    support::Child child([&] {
        directory.reset();
        trial->end();
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(support::tree_of(path), "a\nb\n");
    EXPECT_NE(support::tree_of(larder() + "/trials"), "");
    trial->end();
    EXPECT_EQ(support::tree_of(larder() + "/trials"), "");
}

TEST_F(PrivateDirectoryTest, CanBeMovedAndReplaced) {
    auto first = materialise(*store_);
    auto second = materialise(*store_);
    const auto gone = first.path();
    first = std::move(second);
    EXPECT_FALSE(stdfs::exists(gone));
    EXPECT_EQ(read_file(first.path() + "/a"), "A");
}

}  // namespace
}  // namespace larder::internal::store
