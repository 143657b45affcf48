// process/prefault.h: the requested pages, and that the whole block is resident.
#include "process/prefault.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace larder::internal::process {
namespace {

using Pages = PageChoice::Pages;

constexpr std::uint64_t k_mib_bytes = std::uint64_t{1} << 20;
constexpr std::uint64_t k_piece = 8 * k_mib_bytes;
constexpr std::int64_t k_quick_ns = 100'000;  // for a huge page
constexpr std::int64_t k_slow_ns = 4'000'000;

TEST(PageChoiceTest, ProbesFirst) {
    PageChoice choice;
    EXPECT_EQ(choice.next(k_piece), Pages::probe);
}

TEST(PageChoiceTest, StaysWithHugePagesWhileTheyAreQuick) {
    PageChoice choice;
    EXPECT_TRUE(choice.note(2 * k_mib_bytes, k_quick_ns));
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(choice.next(k_piece), Pages::huge);
        ASSERT_TRUE(choice.note(k_piece, 4 * k_quick_ns));
    }
    EXPECT_FALSE(choice.note(k_piece, 4 * k_slow_ns));
    EXPECT_EQ(choice.next(k_piece), Pages::small);
}

// If every huge page is slow, less than one in a hundred bytes is tried.
TEST(PageChoiceTest, TriesSlowPagesEverMoreSeldom) {
    PageChoice choice;
    std::uint64_t small = 0;
    std::uint64_t probed = 0;
    while (small < 4096 * k_mib_bytes) {
        switch (choice.next(k_piece)) {
            case Pages::huge: FAIL() << "huge pages that were slow";
            case Pages::small: small += k_piece; break;
            case Pages::probe:
                probed += 2 * k_mib_bytes;
                ASSERT_FALSE(choice.note(2 * k_mib_bytes, k_slow_ns));
                break;
        }
    }
    EXPECT_GT(probed, 8 * k_mib_bytes);
    EXPECT_LT(probed, 41 * k_mib_bytes);
}

TEST(PageChoiceTest, ComesBackOnceTheyAreQuick) {
    PageChoice choice;
    ASSERT_FALSE(choice.note(2 * k_mib_bytes, k_slow_ns));
    while (choice.next(k_piece) != Pages::probe) {
    }
    EXPECT_TRUE(choice.note(2 * k_mib_bytes, k_quick_ns));
    EXPECT_EQ(choice.next(k_piece), Pages::huge);
}

class Block {
public:
    explicit Block(std::size_t size)
        : size_(size),
          bytes_(static_cast<char*>(
              ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() { ::munmap(bytes_, size_); }

    [[nodiscard]] char* bytes() const { return bytes_; }
    // The resident pages of the range. Allocates nothing, because a forked child calls it too, and
    // a thread of its parent may have held the allocator.
    [[nodiscard]] std::size_t present(std::size_t offset, std::size_t size) const {
        constexpr std::size_t k_pages_at_once = 4096;
        std::array<unsigned char, k_pages_at_once> there{};
        std::size_t count = 0;
        for (std::size_t done = 0; done < size; done += k_pages_at_once * page()) {
            const auto part = std::min(size - done, k_pages_at_once * page());
            EXPECT_EQ(::mincore(bytes_ + offset + done, part, there.data()), 0);
            const auto end = there.begin() + static_cast<std::ptrdiff_t>(part / page());
            count += static_cast<std::size_t>(
                std::count_if(there.begin(), end, [](auto one) { return (one & 1U) != 0; }));
        }
        return count;
    }
    // All of them, except the few that the kernel may be moving at that moment.
    [[nodiscard]] bool is_present(std::size_t offset, std::size_t size) const {
        return present(offset, size) >= size / page() / 64 * 63;
    }
    [[nodiscard]] static std::size_t page() {
        return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    }

private:
    std::size_t size_;
    char* bytes_;
};

class PrefaultTest : public ::testing::Test {
protected:
    void SetUp() override {
        const Block block(Block::page());
        if (::madvise(block.bytes(), Block::page(), 23) != 0) {
            GTEST_SKIP() << "the kernel cannot populate memory";
        }
    }
};

TEST_F(PrefaultTest, BringsInTheWholeBlockAndChangesNothing) {
    constexpr std::size_t k_size = 40 * k_mib_bytes;
    const PrefaultThreads threads;
    const Block block(k_size);
    std::memset(block.bytes() + k_size / 2, 7, 3);
    errno = 77;
    prefault(block.bytes() + 64, k_size - 64);
    EXPECT_EQ(errno, 77);
    EXPECT_TRUE(block.is_present(0, k_size));
    EXPECT_EQ(block.bytes()[k_size / 2 + 2], 7);
    EXPECT_EQ(block.bytes()[k_size / 2 + 3], 0);
}

TEST_F(PrefaultTest, BringsInNothingElse) {
    constexpr std::size_t k_size = 64 * k_mib_bytes;
    const Block block(k_size);
    prefault(block.bytes() + k_size / 4, k_size / 2);
    EXPECT_TRUE(block.is_present(k_size / 4, k_size / 2));
    // Neighbours may share the huge pages at both ends.
    EXPECT_EQ(block.present(0, k_size / 8), 0U);
    EXPECT_EQ(block.present(k_size - k_size / 8, k_size / 8), 0U);
}

TEST_F(PrefaultTest, ServesManyThreadsAtOnceAndAChildOfFork) {
    constexpr std::size_t k_size = 24 * k_mib_bytes;
    const PrefaultThreads threads;
    std::vector<std::thread> callers;
    std::array<bool, 4> whole{};
    callers.reserve(whole.size());
    for (auto& done : whole) {
        callers.emplace_back([&done] {
            for (int round = 0; round < 5; ++round) {
                const Block block(k_size);
                prefault(block.bytes(), k_size);
                done = block.is_present(0, k_size);
                if (!done) return;
            }
        });
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const PrefaultThreads none;
        const Block block(k_size);
        prefault(block.bytes(), k_size);
        ::_exit(block.is_present(0, k_size) ? 0 : 1);
    }
    for (auto& caller : callers) caller.join();
    EXPECT_TRUE(std::all_of(whole.begin(), whole.end(), [](bool done) { return done; }));
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// A range that no longer exists is not an error.
TEST_F(PrefaultTest, FailsInSilence) {
    constexpr std::size_t k_size = 8 * k_mib_bytes;
    const Block block(3 * k_size);
    ASSERT_EQ(::mprotect(block.bytes(), k_size, PROT_NONE), 0);
    prefault(block.bytes(), 3 * k_size);
    EXPECT_TRUE(block.is_present(2 * k_size, k_size));
}

}  // namespace
}  // namespace larder::internal::process
