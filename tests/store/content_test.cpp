// store/disk/content.h: several threads read a file, completely or not at all.
#include "store/disk/content.h"

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <set>
#include <thread>

#include "harness.h"
#include "support/fault_file_system.h"
#include "support/no_threads.h"

namespace larder::internal::store {
namespace {

using support::Operation;

class ContentTest : public LarderTest {
protected:
    void SetUp() override { support::write_file(path_, content_); }

    Result<ContentDigest> hash(unsigned threads, const ChunkVisitor& visit = {}) {
        const auto file = faults_.open(path_, os::OpenMode::read, 0);
        EXPECT_TRUE(file);
        return hash_file(**file, content_.size(), threads, visit);
    }

    const std::string content_ = content_of("x", 1, 50'000'001);
    const Digest expected_ = hash_chunked(std::as_bytes(std::span(content_)));
    const std::string path_ = directory_ / "file";
    support::FaultFileSystem faults_{*fs_};
};

TEST_F(ContentTest, EveryReaderHasAnOpenFileOfItsOwn) {
    const auto hashed = hash(4);
    ASSERT_TRUE(hashed);
    EXPECT_EQ(hashed->digest, expected_);
    EXPECT_EQ(faults_.calls(Operation::reopen), 3U);
    EXPECT_EQ(faults_.calls(Operation::read), chunk_count(content_.size()));
}

TEST_F(ContentTest, ReadersShareOneFileWhereThereIsNoOther) {
    faults_.fail_all(Operation::reopen, EMFILE);
    const auto hashed = hash(4);
    ASSERT_TRUE(hashed);
    EXPECT_EQ(hashed->digest, expected_);
    EXPECT_EQ(faults_.faults(), 3U);
}

TEST_F(ContentTest, IsReadByTheCallersThreadWhereNoOtherIsToBeHad) {
    const support::NoThreads no_threads;
    std::set<std::uint64_t> offsets;
    const auto hashed = hash(4, [&](std::uint64_t offset, std::span<const std::byte>) {
        offsets.insert(offset);
        return Result<void>();
    });
    ASSERT_TRUE(hashed);
    EXPECT_EQ(hashed->digest, expected_);
    EXPECT_EQ(offsets.size(), chunk_count(content_.size()));
}

TEST_F(ContentTest, TheErrorOfAnyReadReachesTheCaller) {
    for (std::uint64_t chunk = 0; chunk < chunk_count(content_.size()); ++chunk) {
        for (const unsigned threads : {1U, 4U}) {
            faults_.fail_where(
                [&](const support::Call& call) {
                    return call.operation == Operation::read &&
                           call.offset == chunk * k_chunk_size_bytes;
                },
                EIO);
            const auto hashed = hash(threads);
            ASSERT_FALSE(hashed) << chunk;
            EXPECT_EQ(hashed.error().system_errno, EIO);
        }
    }
}

TEST_F(ContentTest, TheErrorOfAnyVisitReachesTheCaller) {
    const auto hashed =
        hash(4, [&](std::uint64_t offset, std::span<const std::byte>) -> Result<void> {
            if (offset == 7 * k_chunk_size_bytes) return fail(Errc::no_space, "visited");
            return {};
        });
    ASSERT_FALSE(hashed);
    EXPECT_EQ(hashed.error().what, "visited");
}

// The file is not mapped meanwhile, because access to a truncated mapping ends the process.
TEST_F(ContentTest, CutShortWhileItIsReadIsAnError) {
    for (const unsigned threads : {1U, 4U}) {
        SetUp();
        std::atomic<int> visits{0};
        const auto hashed = hash(threads, [&](std::uint64_t, std::span<const std::byte>) {
            if (++visits == 2) std::filesystem::resize_file(path_, k_chunk_size_bytes / 2);
            return Result<void>();
        });
        ASSERT_FALSE(hashed);
        EXPECT_EQ(hashed.error().code, Errc::damaged);
    }
}

TEST_F(ContentTest, SmallIsReadWithoutThreadsOrOtherOpenFiles) {
    support::write_file(path_, content_.substr(0, 3'000'000));
    const auto file = faults_.open(path_, os::OpenMode::read, 0);
    std::set<std::thread::id> ids;
    const auto hashed =
        hash_file(**file, 3'000'000, 64, [&](std::uint64_t, std::span<const std::byte>) {
            ids.insert(std::this_thread::get_id());
            return Result<void>();
        });
    ASSERT_TRUE(hashed);
    EXPECT_EQ(ids, std::set{std::this_thread::get_id()});
    EXPECT_EQ(faults_.calls(Operation::reopen), 0U);
    EXPECT_EQ(faults_.calls(Operation::read), 1U);
}

TEST_F(ContentTest, ASizeThatCannotBeIsRefusedBeforeAnythingIsRead) {
    const auto file = faults_.open(path_, os::OpenMode::read, 0);
    for (const auto size : {~std::uint64_t{0}, std::uint64_t{1} << 62}) {
        EXPECT_EQ(hash_file(**file, size, 4).error().code, Errc::unsupported);
    }
    EXPECT_EQ(faults_.calls(Operation::read), 0U);
}

}  // namespace
}  // namespace larder::internal::store
