// Tests the simulation of power cuts itself: it forgets data that was not synced.
#include "support/crash_file_system.h"

#include <sstream>

#include <gtest/gtest.h>

#include "support/interrupted_calls.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

using support::CrashFileSystem;

class CrashTest : public ::testing::Test {
protected:
    CrashTest() {
        support::write_file(directory_ / "disk/old", "old");
        crash_ = std::make_unique<CrashFileSystem>(*fs_, directory_ / "disk");
    }
    std::unique_ptr<File> write(const std::string& name, std::string_view text) {
        auto file = crash_->open(at(name), OpenMode::create_or_open, 0666);
        EXPECT_TRUE((*file)->write_at(0, std::as_bytes(std::span(text))));
        return std::move(*file);
    }
    std::string at(const std::string& name) const { return directory_ / ("disk/" + name); }
    // "name=content name=content".
    std::string survivors(const support::Survival& survival = {}) {
        const std::filesystem::path target = directory_ / ("after-" + std::to_string(cuts_++));
        crash_->materialise(target, survival);
        std::string text;
        std::istringstream names(support::tree_of(target));
        for (std::string name; std::getline(names, name);) {
            text += name + "=" + support::read_file(target / name) + " ";
        }
        return text;
    }

    struct Directory : support::TemporaryDirectory {
        Directory() { std::filesystem::create_directory(path() / "disk"); }
    } directory_;
    support::UnsyncedCalls calls_;
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system(calls_);
    std::unique_ptr<CrashFileSystem> crash_;
    int cuts_ = 0;
};

TEST_F(CrashTest, WhatWasThereIsThere) { EXPECT_EQ(survivors(), "old=old "); }

TEST_F(CrashTest, ANameNeedsTheSyncOfItsDirectory) {
    ASSERT_TRUE(write("new", "new")->sync());
    EXPECT_EQ(survivors(), "old=old ");
    ASSERT_TRUE(crash_->sync_directory(at("")));
    EXPECT_EQ(survivors(), "new=new old=old ");
}

TEST_F(CrashTest, BytesNeedTheSyncOfTheirFile) {
    const auto file = write("new", "new");
    ASSERT_TRUE(crash_->sync_directory(at("")));
    EXPECT_EQ(survivors(), "new= old=old ");
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(survivors(), "new=new old=old ");
    ASSERT_TRUE(file->write_at(0, std::as_bytes(std::span("N", 1))));
    EXPECT_EQ(survivors(), "new=new old=old ");
    EXPECT_EQ(survivors({.chance = 1}), "new=New old=old ");
}

TEST_F(CrashTest, RenamesLinksAndRemovalsNeedItToo) {
    ASSERT_TRUE(crash_->rename(at("old"), at("renamed")));
    EXPECT_EQ(survivors(), "old=old ");
    EXPECT_EQ(survivors({.chance = 1}), "renamed=old ");
    ASSERT_TRUE(crash_->sync_directory(at("")));
    EXPECT_EQ(survivors(), "renamed=old ");
    ASSERT_TRUE(crash_->remove(at("renamed")));
    EXPECT_EQ(survivors(), "renamed=old ");
    ASSERT_TRUE(crash_->sync_directory(at("")));
    EXPECT_EQ(survivors(), "");
}

TEST_F(CrashTest, ADirectoryIsANameOfItsOwn) {
    ASSERT_TRUE(crash_->make_directory(at("d")));
    ASSERT_TRUE(write("d/x", "x")->sync());
    ASSERT_TRUE(crash_->sync_directory(at("d")));
    EXPECT_EQ(survivors(), "old=old ");
    ASSERT_TRUE(crash_->sync_directory(at("")));
    EXPECT_EQ(survivors(), "d/x=x old=old ");
}

TEST_F(CrashTest, NothingHappensOnceThePowerIsCut) {
    const auto file = write("new", "new");
    crash_->cut_power_after(1);
    EXPECT_TRUE(crash_->link_info(at("old")));
    EXPECT_FALSE(file->sync());
    EXPECT_FALSE(crash_->sync_directory(at("")));
    EXPECT_FALSE(crash_->remove(at("old")));
    EXPECT_TRUE(crash_->is_cut());
    EXPECT_EQ(crash_->cut_at(), "sync " + at("new"));
    EXPECT_EQ(survivors({.chance = 1}), "new=new old=old ");
    EXPECT_EQ(survivors(), "old=old ");
}

}  // namespace
}  // namespace larder::internal::os
