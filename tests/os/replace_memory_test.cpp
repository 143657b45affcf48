// os::FileSystem::replace_memory: memory with the content of a file is shared with all processes
// that have mapped it, and readers and writers do not notice.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/file_system.h"
#include "os/posix_calls.h"
#include "support/fault_file_system.h"
#include "support/interrupted_calls.h"
#include "support/mapped_memory.h"
#include "support/private_pages.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

using support::MappedMemory;
using support::PrivatePages;

// More than is compared at once.
constexpr std::size_t k_replaced_pages = 200;

// The values in /proc/self/smaps of all mappings in a range.
struct Backing {
    std::size_t file_bytes = 0;
    std::size_t other_bytes = 0;
    std::size_t copied_kib = 0;  // pages that are this process's own
};

Backing backing_of(std::span<const std::byte> memory, const std::string& path) {
    const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
    std::ifstream smaps("/proc/self/smaps");
    Backing backing;
    bool is_inside = false;
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word.find('-') != std::string::npos) {
            const auto begin = std::max<std::uintptr_t>(std::stoull(word, nullptr, 16), first);
            const auto end = std::min<std::uintptr_t>(
                std::stoull(word.substr(word.find('-') + 1), nullptr, 16), first + memory.size());
            is_inside = begin < end;
            if (!is_inside) continue;
            (line.ends_with(path) ? backing.file_bytes : backing.other_bytes) += end - begin;
        } else if (is_inside && word == "Anonymous:") {
            std::size_t kib = 0;
            words >> kib;
            backing.copied_kib += kib;
        }
    }
    return backing;
}

class ReplaceMemoryTest : public ::testing::Test {
protected:
    ReplaceMemoryTest() {
        auto bytes = memory_.bytes();
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            bytes[i] = static_cast<std::byte>(i * 7 + i / page_bytes());
        }
        content_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        support::write_file(path_, content_);
    }

    Result<bool> replace() { return replace(*fs_, path_, memory_.bytes()); }
    static Result<bool> replace(FileSystem& fs, const std::string& path,
                                std::span<std::byte> memory) {
        auto file = fs.open(path, OpenMode::read);
        if (!file) return fail(file.error());
        return fs.replace_memory(**file, memory);
    }

    [[nodiscard]] std::string_view now() const {
        const auto bytes = memory_.bytes();
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    // Compared here, because the differences are too long to print.
    [[nodiscard]] bool is_as_before() const { return now() == content_; }
    [[nodiscard]] bool is_the_files() const {
        const auto backing = backing_of(memory_.bytes(), path_);
        return backing.file_bytes == memory_.bytes().size() && backing.other_bytes == 0;
    }
    // The whole range, private to this process, and writable.
    void expect_untouched() {
        EXPECT_TRUE(is_as_before());
        EXPECT_EQ(backing_of(memory_.bytes(), path_).file_bytes, 0U);
        memory_.word(k_replaced_pages - 1) += 1;
        memory_.word(k_replaced_pages - 1) -= 1;
    }

    support::TemporaryDirectory directory_;
    std::string path_ = directory_ / "file";
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
    PrivatePages memory_{k_replaced_pages};
    std::string content_;
};

TEST_F(ReplaceMemoryTest, EqualBytesBecomeTheFiles) {
    EXPECT_EQ(replace(), true);
    EXPECT_TRUE(is_the_files());
    EXPECT_TRUE(is_as_before());
    EXPECT_EQ(backing_of(memory_.bytes(), path_).copied_kib, 0U);
}

TEST_F(ReplaceMemoryTest, LaterWritesStayPrivate) {
    PrivatePages other(k_replaced_pages);
    std::memcpy(other.bytes().data(), content_.data(), content_.size());
    EXPECT_EQ(replace(), true);
    EXPECT_EQ(replace(*fs_, path_, other.bytes()), true);
    const MappedMemory mapped(path_);
    memory_.word(3) = 1;
    memory_.word(k_replaced_pages - 1) = 2;
    EXPECT_EQ(memory_.word(3), 1U);
    EXPECT_EQ(support::read_file(path_), content_);
    EXPECT_EQ(std::memcmp(mapped.bytes().data(), content_.data(), content_.size()), 0);
    EXPECT_EQ(std::memcmp(other.bytes().data(), content_.data(), content_.size()), 0);
    const auto backing = backing_of(memory_.bytes(), path_);
    EXPECT_EQ(backing.copied_kib, 2 * page_bytes() / 1024);
    // It no longer equals the file, and keeps the written bytes.
    EXPECT_EQ(replace(), false);
    EXPECT_EQ(memory_.word(3), 1U);
}

TEST_F(ReplaceMemoryTest, WhatWasReplacedCanBeReplacedAgain) {
    EXPECT_EQ(replace(), true);
    const auto copy = directory_ / "copy";
    support::write_file(copy, content_);
    EXPECT_EQ(replace(*fs_, copy, memory_.bytes()), true);
    EXPECT_TRUE(is_as_before());
    EXPECT_EQ(backing_of(memory_.bytes(), copy).file_bytes, content_.size());
}

TEST_F(ReplaceMemoryTest, AnyDifferenceLeavesItAlone) {
    for (const auto offset : {std::size_t{0}, content_.size() / 2, content_.size() - 1}) {
        support::flip_byte(path_, offset);
        EXPECT_EQ(replace(), false) << offset;
        expect_untouched();
        support::flip_byte(path_, offset);
    }
}

TEST_F(ReplaceMemoryTest, AShorterFileLeavesItAlone) {
    for (const auto size : {std::size_t{0}, page_bytes(), content_.size() - 1}) {
        std::filesystem::resize_file(path_, size);
        EXPECT_EQ(replace(), false) << size;
        expect_untouched();
    }
}

TEST_F(ReplaceMemoryTest, OfALargerFileTheBeginningCounts) {
    support::write_file(path_, content_ + "and more");
    EXPECT_EQ(replace(), true);
    EXPECT_TRUE(is_the_files());
    EXPECT_TRUE(is_as_before());
}

TEST_F(ReplaceMemoryTest, WhatIsMadePrivateNeedsTheFileNoMore) {
    auto file = fs_->open(path_, OpenMode::read);
    ASSERT_TRUE(file);
    ASSERT_EQ(fs_->replace_memory(**file, memory_.bytes()), true);
    memory_.word(3) = 1;
    const std::string before(now());
    std::filesystem::rename(path_, path_ + ".moved");
    EXPECT_TRUE(fs_->make_private(**file, memory_.bytes()));
    EXPECT_EQ(backing_of(memory_.bytes(), path_ + ".moved").copied_kib, content_.size() / 1024);
    std::fstream(path_ + ".moved", std::ios::in | std::ios::out | std::ios::binary)
        << std::string(content_.size(), '?');
    EXPECT_TRUE(now() == before);
}

TEST_F(ReplaceMemoryTest, OnlyWhatIsStillTheFilesIsMadePrivate) {
    auto file = fs_->open(path_, OpenMode::read);
    ASSERT_TRUE(file);
    ASSERT_EQ(fs_->replace_memory(**file, memory_.bytes()), true);
    const auto copy = directory_ / "copy";
    support::write_file(copy, content_);
    ASSERT_EQ(replace(*fs_, copy, memory_.bytes()), true);
    const MappedMemory shared(path_);
    EXPECT_TRUE(fs_->make_private(**file, memory_.bytes()));
    EXPECT_EQ(backing_of(memory_.bytes(), copy).copied_kib, 0U);
}

TEST_F(ReplaceMemoryTest, NoMemoryIsNotReplaced) {
    EXPECT_EQ(replace(*fs_, path_, {}), false);
    expect_untouched();
}

TEST_F(ReplaceMemoryTest, AFileThatMayOnlyBeReadIsEnough) {
    std::filesystem::permissions(path_, std::filesystem::perms(0444));
    EXPECT_EQ(replace(), true);
    memory_.word() = 1;
    EXPECT_EQ(support::read_file(path_), content_);
    if (!support::can_become_another_user()) return;
    std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
    EXPECT_EQ(support::run_as(65534,
                              [&] {
                                  std::memcpy(memory_.bytes().data(), content_.data(),
                                              content_.size());
                                  EXPECT_EQ(replace(), true);
                                  memory_.word() = 1;
                              }),
              0);
}

TEST_F(ReplaceMemoryTest, MemoryOutlivesTheFilesName) {
    EXPECT_EQ(replace(), true);
    std::filesystem::remove(path_);
    EXPECT_TRUE(is_as_before());
    memory_.word() = 1;
}

TEST_F(ReplaceMemoryTest, AnotherFileOfTheNameChangesNothing) {
    EXPECT_EQ(replace(), true);
    const auto next = directory_ / "next";
    support::write_file(next, std::string(content_.size(), 'x'));
    std::filesystem::rename(next, path_);
    EXPECT_TRUE(is_as_before());
    EXPECT_EQ(replace(), false);
    EXPECT_TRUE(is_as_before());
}

// Fails, or finds the end of the file, after some calls.
class PoorReads final : public PosixCalls {
public:
    ssize_t pread(int descriptor, void* buffer, std::size_t size_bytes, off_t offset) override {
        if (calls_left-- > 0) return PosixCalls::pread(descriptor, buffer, size_bytes, offset);
        errno = system_errno;
        return system_errno == 0 ? 0 : -1;
    }
    int calls_left = 0;
    int system_errno = 0;
};

TEST_F(ReplaceMemoryTest, AnErrorLeavesItAsItWas) {
    PoorReads calls;
    const auto fs = make_posix_file_system(calls);
    for (const int error : {EIO, ENOMEM, 0}) {
        for (const int calls_before : {0, 1, 2}) {
            calls.calls_left = calls_before;
            calls.system_errno = error;
            EXPECT_FALSE(replace(*fs, path_, memory_.bytes())) << error << ' ' << calls_before;
            expect_untouched();
        }
    }
}

TEST_F(ReplaceMemoryTest, ARefusalLeavesItAsItWas) {
    support::FaultFileSystem fs(*fs_);
    fs.fail_all(support::Operation::map, ENOMEM);
    EXPECT_FALSE(replace(fs, path_, memory_.bytes()));
    EXPECT_EQ(fs.faults(), 1U);
    expect_untouched();
    fs.heal();
    EXPECT_EQ(replace(fs, path_, memory_.bytes()), true);
    EXPECT_TRUE(is_the_files());
}

// One that the kernel does not map.
TEST_F(ReplaceMemoryTest, AFileThatCannotBeMappedLeavesItAsItWas) {
    const std::string status = "/proc/self/cmdline";
    EXPECT_NE(replace(*fs_, status, memory_.bytes()), true);
    expect_untouched();
}

TEST_F(ReplaceMemoryTest, InterruptedAndShortReadsAreContinued) {
    support::InterruptedCalls calls(1000);
    const auto fs = make_posix_file_system(calls);
    EXPECT_EQ(replace(*fs, path_, memory_.bytes()), true);
    EXPECT_GT(calls.interruptions(), 0U);
    EXPECT_TRUE(is_as_before());
}

// The kernel cannot prevent this: therefore a published file is never written to.
TEST_F(ReplaceMemoryTest, WhatAFileLosesLaterIsLost) {
    EXPECT_EQ(replace(), true);
    std::filesystem::resize_file(path_, page_bytes());
    support::Child child([&] {
        const struct rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        std::signal(SIGBUS, SIG_DFL);
        static_cast<void>(*static_cast<volatile std::byte*>(memory_.page(1).data()));
    });
    EXPECT_EQ(child.wait(), -SIGBUS);
    EXPECT_EQ(memory_.bytes()[1], static_cast<std::byte>(7));
}

TEST_F(ReplaceMemoryTest, AFileThatIsCutMeanwhileIsNoCrash) {
    std::atomic<bool> stop = false;
    std::thread cutter([&] {
        while (!stop) {
            std::filesystem::resize_file(path_, page_bytes());
            support::write_file(path_, content_);
        }
    });
    for (int i = 0; i < 40; ++i) {
        // Its own memory: pages of the file may not be compared again.
        const PrivatePages memory(k_replaced_pages);
        std::memcpy(memory.bytes().data(), content_.data(), content_.size());
        static_cast<void>(replace(*fs_, path_, memory.bytes()));
    }
    stop = true;
    cutter.join();
    EXPECT_EQ(replace(), true);
}

}  // namespace
}  // namespace larder::internal::os
