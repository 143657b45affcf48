#include "remote/directory_tier.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "support/fault_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::remote {
namespace {

constexpr std::size_t k_large = (std::size_t{1} << 20) + 12345;

class DirectoryTierTest : public ::testing::Test {
protected:
    os::System system() {
        const auto real = real_.system();
        return {fs_, real.clock, real.entropy, real.process};
    }
    DirectoryTier tier() { return {system(), (directory_ / "shared")}; }

    static Result<void> write(DirectoryTier& tier, const std::string& name,
                              const std::string& content) {
        return tier.write(name, content.size(),
                          [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
                              std::memcpy(buffer.data(), content.data() + offset, buffer.size());
                              return {};
                          });
    }
    static std::size_t count(DirectoryTier& tier, const std::string& directory) {
        std::size_t count = 0;
        static_cast<void>(tier.list(directory, [&](const Stored&) { ++count; }));
        return count;
    }

    os::RealSystem real_;
    support::FaultFileSystem fs_{real_.system().fs};
    support::TemporaryDirectory directory_;
};

TEST_F(DirectoryTierTest, GivesBackWhatWasWritten) {
    auto tier = this->tier();
    EXPECT_EQ(tier.find("entries/ab/abc").error().code, Errc::not_found);
    EXPECT_EQ(tier.list("entries", [](const Stored&) {}).error().code, Errc::not_found);
    std::string content(k_large, 'x');
    content[k_large / 2] = 'y';
    for (const auto& each : {std::string{}, std::string("small"), content}) {
        ASSERT_TRUE(write(tier, "entries/ab/abc", each));
        EXPECT_EQ(tier.find("entries/ab/abc")->bytes, each.size());
        EXPECT_EQ(read_text(tier, "entries/ab/abc", each.size()).value(), each);
    }
    EXPECT_EQ(read_text(tier, "entries/ab/abc", k_large - 1).error().code, Errc::damaged);
    ASSERT_TRUE(write(tier, "entries/cd/cde", "x"));
    EXPECT_EQ(count(tier, "entries"), 2U);
    ASSERT_TRUE(tier.remove("entries/cd/cde"));
    ASSERT_TRUE(tier.remove("entries/cd/cde")) << "it is gone already";
    EXPECT_EQ(count(tier, "entries"), 1U);
}

TEST_F(DirectoryTierTest, AContentIsWholeOrAbsentWhicheverCallFails) {
    auto first = tier();
    ASSERT_TRUE(write(first, "objects/ab/abc", "before"));
    const std::string content(k_large, 'z');
    for (const int fault : {EIO, ENOSPC, EROFS, EACCES}) {
        bool reached_the_end = false;
        for (std::uint64_t calls = 0; !reached_the_end; ++calls) {
            ASSERT_LT(calls, 200U);
            auto tier = this->tier();
            fs_.fail_once_after(calls, fault);
            const auto done = write(tier, "objects/ab/abc", content);
            reached_the_end = fs_.faults() == 0;
            const auto what = fs_.first_fault();
            fs_.heal();
            const auto now = read_text(tier, "objects/ab/abc", k_large).value();
            EXPECT_TRUE(now == content || (!done && now == "before")) << what;
            EXPECT_TRUE(fs_.list(directory_ / "shared/tmp")->empty()) << what;
            ASSERT_TRUE(write(tier, "objects/ab/abc", "before"));
        }
    }
}

TEST_F(DirectoryTierTest, AnErrorOfWhoGivesOrTakesIsPassedOn) {
    auto tier = this->tier();
    const auto refuse = [] { return fail(Errc::damaged, "not these bytes"); };
    const auto given = tier.write("objects/ab/abc", 3, [&](std::uint64_t, std::span<std::byte>) {
        return Result<void>(refuse());
    });
    EXPECT_EQ(given.error().code, Errc::damaged);
    EXPECT_EQ(tier.find("objects/ab/abc").error().code, Errc::not_found);
    ASSERT_TRUE(write(tier, "objects/ab/abc", "abc"));
    const auto taken = tier.read(
        "objects/ab/abc", 3, [&](std::span<const std::byte>) { return Result<void>(refuse()); });
    EXPECT_EQ(taken.error().code, Errc::damaged);
}

TEST_F(DirectoryTierTest, OneOfTwoWritersOfANewNameWins) {
    auto tier = this->tier();
    const auto write_new = [&](std::string content) {
        return tier.write(
            "entries/ab/abc", content.size(),
            [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
                std::memcpy(buffer.data(), content.data() + offset, buffer.size());
                return {};
            },
            IfThere::keep);
    };
    ASSERT_TRUE(write_new("first"));
    EXPECT_EQ(write_new("second").error().code, Errc::already_exists);
    EXPECT_EQ(read_text(tier, "entries/ab/abc", k_large).value(), "first");
    EXPECT_EQ(count(tier, "tmp"), 0U);
}

TEST_F(DirectoryTierTest, WhatWritersLeftIsTakenAwayAfterADay) {
    auto first = tier();
    ASSERT_TRUE(write(first, "objects/ab/abc", "abc"));
    const auto old = (directory_ / "shared/tmp/gone-1");
    const auto recent = (directory_ / "shared/tmp/alive-2");
    for (const auto& path : {old, recent}) {
        ASSERT_TRUE(fs_.open(path, os::OpenMode::create_exclusive, 0666));
    }
    const auto now_ns = real_.system().clock.wall().count();
    constexpr std::int64_t k_hour_ns = std::int64_t{3600} * 1'000'000'000;
    ASSERT_TRUE(fs_.set_mtime(old, now_ns - 25 * k_hour_ns));
    ASSERT_TRUE(fs_.set_mtime(recent, now_ns - 23 * k_hour_ns));
    auto second = tier();
    ASSERT_TRUE(write(second, "objects/ab/abd", "abd"));
    EXPECT_FALSE(fs_.info(old));
    EXPECT_TRUE(fs_.info(recent));
}

TEST_F(DirectoryTierTest, ALarderIsNoTier) {
    auto tier = this->tier();
    ASSERT_TRUE(tier.prepare());
    ASSERT_TRUE(write(tier, "entries/ab/abc", "abc"));
    ASSERT_TRUE(tier.prepare());
    ASSERT_TRUE(
        fs_.open((directory_ / "shared/larder.json"), os::OpenMode::create_exclusive, 0666));
    EXPECT_EQ(tier.prepare().error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace larder::internal::remote
