// store/disk/write_hasher.h: chunks are hashed while the file is written, and never in vain.
#include "store/disk/write_hasher.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "harness.h"
#include "store/disk/staged_file.h"
#include "support/fault_file_system.h"
#include "support/no_threads.h"

namespace larder::internal::store {
namespace {

using support::Operation;

constexpr auto k_chunk = k_chunk_size_bytes;

class WriteHasherTest : public LarderTest {
protected:
    void write(StagedFile& staged, std::uint64_t offset, std::uint64_t size) {
        const auto bytes = std::as_bytes(std::span(content_)).subspan(offset, size);
        ASSERT_TRUE(staged.write_at(offset, bytes));
    }
    // Until the thread has read so many chunks.
    void wait_for_reads(std::uint64_t count) {
        for (int i = 0; faults_.calls(Operation::read) < count && i < 60'000; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        ASSERT_GE(faults_.calls(Operation::read), count);
    }
    // Checks that the known chunks are right, and returns their number.
    std::uint64_t finish(WriteHasher& hasher) {
        const auto known = hasher.finish();
        const auto hashed = hash_file(*file_, content_.size(), 1, {}, known);
        EXPECT_TRUE(hashed);
        EXPECT_EQ(hashed->digest, hash_chunked(std::as_bytes(std::span(content_))));
        return static_cast<std::uint64_t>(
            std::ranges::count_if(known, [](const auto& chunk) { return chunk.has_value(); }));
    }

    std::string content_ = content_of("x", 1, (10 * k_chunk) + 12345);
    support::FaultFileSystem faults_{*fs_};
    std::unique_ptr<os::File> file_ =
        std::move(*faults_.open(directory_ / "file", os::OpenMode::create_exclusive, 0600));
};

TEST_F(WriteHasherTest, HashesEachChunkOnceItIsComplete) {
    WriteHasher hasher(*file_);
    StagedFile staged(*file_, content_.size(), &hasher);
    // Pieces that end in the middle of chunks, in both directions.
    constexpr std::uint64_t k_piece = 1'234'567;
    for (std::uint64_t offset = 0; offset < content_.size() / 2; offset += k_piece) {
        write(staged, offset, std::min(k_piece, content_.size() / 2 - offset));
    }
    for (std::uint64_t end = content_.size(); end > content_.size() / 2;) {
        const auto size = std::min(k_piece, end - content_.size() / 2);
        write(staged, end -= size, size);
    }
    wait_for_reads(10);
    EXPECT_EQ(finish(hasher), 10U);
    // Once for eight chunks: the disk does not wait for the end.
    EXPECT_EQ(faults_.begun_syncs(), 1U);
}

TEST_F(WriteHasherTest, DoesNotUseTheDigestOfAChunkThatWasWrittenLater) {
    WriteHasher hasher(*file_);
    StagedFile staged(*file_, content_.size(), &hasher);
    write(staged, 0, content_.size());
    wait_for_reads(10);
    // The header, once the rest is known; and one byte at the boundary of two chunks.
    std::ranges::fill(std::span(content_).first(16), 'h');
    std::ranges::fill(std::span(content_).subspan((5 * k_chunk) - 1, 2), 'b');
    write(staged, 0, 16);
    write(staged, (5 * k_chunk) - 1, 2);
    EXPECT_EQ(finish(hasher), 7U);
}

TEST_F(WriteHasherTest, IsRightAtAnyMoment) {
    std::uint64_t number = 0;
    for (int round = 0; round < 20; ++round) {
        WriteHasher hasher(*file_);
        StagedFile staged(*file_, content_.size(), &hasher);
        write(staged, 0, content_.size());
        for (int i = 0; i < 20; ++i) {
            number = number * 6'364'136'223'846'793'005U + 1;
            const auto offset = (number >> 20) % (content_.size() - 100);
            std::ranges::fill(std::span(content_).subspan(offset, 100),
                              static_cast<char>(number >> 56));
            write(staged, offset, 100);
        }
        EXPECT_LE(finish(hasher), 10U);
    }
}

TEST_F(WriteHasherTest, LeavesRangesThatAreNotWrittenToTheEnd) {
    WriteHasher hasher(*file_);
    StagedFile staged(*file_, content_.size(), &hasher);
    std::ranges::fill(std::span(content_).subspan((2 * k_chunk) + 10, 5), '\0');
    write(staged, 0, (2 * k_chunk) + 10);
    write(staged, (2 * k_chunk) + 15, content_.size() - (2 * k_chunk) - 15);
    wait_for_reads(9);
    EXPECT_EQ(finish(hasher), 9U);
}

TEST_F(WriteHasherTest, StartsNoThreadForASmallFile) {
    content_.resize(3 * k_chunk);
    WriteHasher hasher(*file_);
    StagedFile staged(*file_, content_.size(), &hasher);
    write(staged, 0, content_.size());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(faults_.calls(Operation::read), 0U);
    EXPECT_EQ(finish(hasher), 0U);
}

TEST_F(WriteHasherTest, LeavesAllToTheEndWithoutAThread) {
    const support::NoThreads no_threads;
    WriteHasher hasher(*file_);
    StagedFile staged(*file_, content_.size(), &hasher);
    write(staged, 0, content_.size());
    EXPECT_EQ(finish(hasher), 0U);
}

TEST_F(WriteHasherTest, LeavesAllToTheEndOnceAReadHasFailed) {
    faults_.fail_all(Operation::read, EIO);
    WriteHasher hasher(*file_);
    StagedFile staged(*file_, content_.size(), &hasher);
    write(staged, 0, content_.size());
    wait_for_reads(1);
    const auto known = hasher.finish();
    EXPECT_TRUE(std::ranges::none_of(known, [](const auto& chunk) { return chunk.has_value(); }));
}

TEST_F(WriteHasherTest, GivesUpOnASparseFileThatClaimsToBeHuge) {
    WriteHasher hasher(*file_);
    hasher.note(0, 5 * k_chunk);
    hasher.note(std::uint64_t{1} << 62, 1);
    EXPECT_TRUE(hasher.finish().empty());
}

}  // namespace
}  // namespace larder::internal::store
