// process/large_blocks.h with Record::yes, on test libraries: the listed blocks, and that a block
// cannot be freed while it is used.
#include "process/block_record.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened_library.h"
#include "os/file_system.h"
#include "os/page_size.h"
#include "process/large_blocks.h"
#include "support/c_library_allocator.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::process {
namespace {

using Record = LargeBlockScope::Record;
using Memory = std::span<std::byte>;

constexpr std::size_t k_recorded_bytes = std::size_t{5} << 20;
constexpr std::chrono::seconds k_record_limit{20};
constexpr std::chrono::milliseconds k_record_moment{30};

// Whether any of it is.
bool is_any_mapped(const std::byte* begin, const std::byte* end) {
    const auto page = os::page_bytes();
    auto* at = const_cast<std::byte*>(begin) - reinterpret_cast<std::uintptr_t>(begin) % page;
    for (; at < end; at += page) {
        if (::msync(at, page, MS_ASYNC) == 0) return true;
    }
    return false;
}

std::string file_of_zeros(const support::TemporaryDirectory& directory, std::size_t bytes) {
    auto path = directory / "zeros";
    support::write_file(path, std::string(bytes, '\0'));
    return path;
}

class BlockRecordTest : public ::testing::TestWithParam<std::string_view> {
protected:
    void SetUp() override {
        if (support::is_address_sanitized()) support::allocate_by_c_library(GetParam());
        const auto obstacle = obstacle_to_recording({GetParam()});
        if (support::is_thread_sanitized()) GTEST_SKIP() << obstacle;
        ASSERT_EQ(obstacle, "");
    }

    std::byte* allocate(std::size_t size = k_recorded_bytes) const {
        return static_cast<std::byte*>(library_.allocate("library_posix_memalign", size));
    }
    void free(void* block) const { library_.free(block); }
    [[nodiscard]] std::unique_ptr<LargeBlockScope> record() const {
        auto scope = std::make_unique<LargeBlockScope>(std::vector{GetParam()}, 0, Record::yes);
        EXPECT_EQ(scope->obstacle(), "");
        return scope;
    }
    static bool lists(const LargeBlockScope& scope, const void* block) {
        return std::ranges::any_of(scope.blocks(),
                                   [&](const Memory& pages) { return pages.data() == block; });
    }
    static Memory pages_of(const LargeBlockScope& scope, const void* block) {
        for (const auto& pages : scope.blocks()) {
            if (pages.data() == block) return pages;
        }
        return {};
    }
    // A block of zeros becomes a part of this file.
    static void put_file(const LargeBlockScope& scope, const void* block, const std::string& path) {
        const auto fs = os::make_posix_file_system();
        const auto file = fs->open(path, os::OpenMode::read);
        const auto pages = pages_of(scope, block);
        Result<bool> replaced = false;
        EXPECT_TRUE(scope.with(pages, [&] { replaced = fs->replace_memory(**file, pages); }));
        EXPECT_EQ(replaced, true);
    }

    Library library_{GetParam()};
};

TEST_P(BlockRecordTest, ListsLargeBlocksAsWholePages) {
    const auto scope = record();
    std::vector<std::byte*> blocks;
    for (const auto size :
         {k_recorded_bytes + 123, k_recorded_bytes, BlockRecord::k_block_bytes_min}) {
        auto* const block = allocate(size);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (std::size_t{32} << 20), 0U);
        const auto pages = pages_of(*scope, block);
        EXPECT_EQ(pages.size(), size / os::page_bytes() * os::page_bytes());
        std::memset(block, 1, size);
        blocks.push_back(block);
    }
    const auto listed = scope->blocks();
    EXPECT_EQ(listed.size(), 3U);
    EXPECT_TRUE(
        std::ranges::is_sorted(listed, {}, [](const Memory& pages) { return pages.data(); }));
    for (auto* const block : blocks) free(block);
    EXPECT_TRUE(scope->blocks().empty());
}

TEST_P(BlockRecordTest, ListsNothingElse) {
    void* const before = allocate();
    auto scope = record();
    std::vector<void*> blocks{before, allocate(BlockRecord::k_block_bytes_min - 1), allocate(100)};
    for (const auto* function : {"library_malloc", "library_aligned_alloc"}) {
        blocks.push_back(library_.allocate(function, std::size_t{40} << 20));
    }
    // Of somebody else.
    void* own = nullptr;
    ASSERT_EQ(::posix_memalign(&own, 64, k_recorded_bytes), 0);
    EXPECT_TRUE(scope->blocks().empty());
    std::free(own);
    auto* const during = allocate();
    EXPECT_TRUE(lists(*scope, during));
    scope.reset();
    void* const between = allocate();
    scope = record();
    EXPECT_TRUE(scope->blocks().empty());
    for (void* const block : {static_cast<void*>(during), between}) free(block);
    for (void* const block : blocks) free(block);
    free(nullptr);
}

TEST_P(BlockRecordTest, WhatIsUsedIsNotFreed) {
    const auto scope = record();
    auto* const block = allocate();
    std::memset(block, 7, k_recorded_bytes);
    const auto pages = pages_of(*scope, block);
    std::future<void> freed;
    EXPECT_TRUE(scope->with(pages, [&] {
        // By one thread at a time.
        EXPECT_FALSE(scope->with(pages, [] { FAIL(); }));
        freed = std::async(std::launch::async, [&] { free(block); });
        EXPECT_EQ(freed.wait_for(k_record_moment), std::future_status::timeout);
        EXPECT_EQ(block[k_recorded_bytes - 1], std::byte{7});
        // Others are served meanwhile.
        free(allocate());
    }));
    EXPECT_EQ(freed.wait_for(k_record_limit), std::future_status::ready);
    EXPECT_FALSE(scope->with(pages, [] { FAIL(); }));
    EXPECT_FALSE(lists(*scope, block));
}

TEST_P(BlockRecordTest, WhatAnErrorEndsIsFreed) {
    const auto scope = record();
    auto* const block = allocate();
    const auto pages = pages_of(*scope, block);
    EXPECT_THROW(static_cast<void>(scope->with(pages, [] { throw std::runtime_error("full"); })),
                 std::runtime_error);
    auto freed = std::async(std::launch::async, [&] { free(block); });
    ASSERT_EQ(freed.wait_for(k_record_limit), std::future_status::ready);
}

TEST_P(BlockRecordTest, WhatIsNoBlockIsNotUsed) {
    const auto scope = record();
    auto* const block = allocate();
    const auto pages = pages_of(*scope, block);
    const auto fails = [] { FAIL(); };
    EXPECT_FALSE(scope->with({}, fails));
    EXPECT_FALSE(scope->with(pages.first(os::page_bytes()), fails));
    EXPECT_FALSE(scope->with(pages.subspan(os::page_bytes()), fails));
    free(block);
    // Another block may take its place; it must not be mistaken for the first one.
    auto* const next = allocate(k_recorded_bytes * 2);
    EXPECT_FALSE(scope->with(pages, fails));
    free(next);
}

// By the C library's own call, which is not recorded.
TEST_P(BlockRecordTest, WhatAnotherLibraryFreedIsNotUsed) {
    const auto scope = record();
    auto* const block = allocate();
    const auto pages = pages_of(*scope, block);
    support::free_by_c_library(block);
    EXPECT_FALSE(scope->with(pages, [] { FAIL(); }));
}

TEST_P(BlockRecordTest, WhatBecameAFileIsFreedWhole) {
    const support::TemporaryDirectory directory;
    const auto path = file_of_zeros(directory, k_recorded_bytes);
    const auto before = support::read_file("/proc/self/maps");
    EXPECT_EQ(before.find(path), std::string::npos);
    for (const bool by_library : {true, false}) {
        for (int i = 0; i < 20; ++i) {
            const auto scope = record();
            auto* const block = allocate(k_recorded_bytes + 123);
            block[k_recorded_bytes + 122] = std::byte{1};
            put_file(*scope, block, path);
            EXPECT_NE(support::read_file("/proc/self/maps").find(path), std::string::npos);
            block[os::page_bytes()] = std::byte{3};
            if (by_library) {
                free(block);
            } else {
                support::free_by_c_library(block);
            }
            EXPECT_FALSE(is_any_mapped(block - 1, block + k_recorded_bytes + 123));
            EXPECT_EQ(support::read_file("/proc/self/maps").find(path), std::string::npos);
        }
    }
    // Also the memory before the border: no more mappings than before, except those of the heap.
    const auto after = support::read_file("/proc/self/maps");
    EXPECT_LE(std::ranges::count(after, '\n'), std::ranges::count(before, '\n') + 10);
}

TEST_P(BlockRecordTest, OneScopeRecordsInAnother) {
    auto* const before = allocate();
    const LargeBlockScope plain({GetParam()}, std::uint64_t{1} << 40);
    auto outer = record();
    auto* const first = allocate();
    {
        const auto inner = record();
        auto* const second = allocate();
        EXPECT_TRUE(lists(*outer, second));
        // Since the first scope that records began.
        EXPECT_TRUE(lists(*inner, first));
        free(second);
        const LargeBlockScope idle({GetParam()}, std::uint64_t{1} << 40);
        EXPECT_TRUE(idle.blocks().empty());
        EXPECT_FALSE(idle.with(pages_of(*outer, first), [] { FAIL(); }));
    }
    auto* const third = allocate();
    EXPECT_TRUE(lists(*outer, first));
    EXPECT_TRUE(lists(*outer, third));
    EXPECT_EQ(outer->blocks().size(), 2U);
    outer.reset();
    auto* const fourth = allocate();
    EXPECT_TRUE(record()->blocks().empty());
    for (auto* const block : {before, first, third, fourth}) free(block);
}

TEST_P(BlockRecordTest, GoesOnWhenTheBudgetIsUsedUp) {
    const auto before = slots_of(GetParam());
    {
        const LargeBlockScope scope({GetParam()}, k_recorded_bytes, Record::yes);
        for (int i = 0; i < 3; ++i) {
            auto* const block = allocate();
            EXPECT_TRUE(lists(scope, block)) << i;
            free(block);
            EXPECT_FALSE(lists(scope, block)) << i;
        }
        EXPECT_LE(LargeBlockScope::budget_bytes_left(), 0);
        EXPECT_NE(slots_of(GetParam()), before);
    }
    EXPECT_EQ(slots_of(GetParam()), before);
}

TEST_P(BlockRecordTest, PutsEverySlotBack) {
    const auto before = slots_of(GetParam());
    ASSERT_GE(before.size(), 4U);
    {
        const auto scope = record();
        const auto during = slots_of(GetParam());
        for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NE(during[i], before[i]) << i;
    }
    EXPECT_EQ(slots_of(GetParam()), before);
}

TEST_P(BlockRecordTest, AChildBeginsWithNone) {
    const auto scope = record();
    auto* const block = allocate();
    support::Child child([&] {
        ::alarm(20);
        EXPECT_TRUE(scope->blocks().empty());
        auto* const own = allocate();
        free(own);
        free(block);
        // It can record for itself.
        const auto inner = record();
        auto* const next = allocate();
        EXPECT_TRUE(lists(*inner, next));
        free(next);
        EXPECT_TRUE(inner->blocks().empty());
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_TRUE(lists(*scope, block));
    free(block);
}

TEST_P(BlockRecordTest, AChildExitsNormally) {
    if (support::is_address_sanitized()) {
        GTEST_SKIP()
            << "what the parent recorded is left behind on purpose, which counts as a leak";
    }
    const auto scope = record();
    auto* const block = allocate();
    EXPECT_EXIT(
        {
            ::alarm(20);
            free(block);
            free(allocate());
            std::exit(0);
        },
        ::testing::ExitedWithCode(0), "");
    free(block);
}

TEST_P(BlockRecordTest, AChildIsNotHeldByWhoUsesABlock) {
    const auto scope = record();
    auto* const block = allocate();
    const auto pages = pages_of(*scope, block);
    std::promise<void> begins;
    std::promise<void> may_end;
    std::thread user([&] {
        EXPECT_TRUE(scope->with(pages, [&] {
            begins.set_value();
            may_end.get_future().wait_for(k_record_limit);
        }));
    });
    begins.get_future().wait();
    support::Child child([&] {
        ::alarm(20);
        free(block);
        free(allocate());
    });
    EXPECT_EQ(child.wait(), 0);
    may_end.set_value();
    user.join();
    // By the thread that uses the block, which continues in the child.
    EXPECT_TRUE(scope->with(pages, [&] {
        const auto self = ::getpid();
        support::Child forked([&] {
            ::alarm(20);
            EXPECT_NE(::getpid(), self);
            EXPECT_FALSE(scope->with(pages, [] { FAIL(); }));
            free(block);
        });
        EXPECT_EQ(forked.wait(), 0);
    }));
    free(block);
}

TEST_P(BlockRecordTest, AChildGoesOnWhereItsParentUsedABlock) {
    const auto scope = record();
    auto* const block = allocate();
    pid_t child = -1;
    EXPECT_TRUE(scope->with(pages_of(*scope, block), [&] { child = ::fork(); }));
    if (child == 0) {
        free(block);
        ::_exit(0);
    }
    int status = -1;
    const auto until = std::chrono::steady_clock::now() + k_record_limit;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > until) ::kill(child, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    EXPECT_EQ(status, 0);
    free(block);
}

// Children are forked while other threads allocate.
TEST_P(BlockRecordTest, AChildIsServedWheneverItWasForked) {
    const auto scope = record();
    std::atomic<bool> stop = false;
    std::thread others([&] {
        while (!stop) {
            auto* const block = allocate();
            static_cast<void>(scope->with(pages_of(*scope, block), [] {}));
            free(block);
        }
    });
    for (int i = 0; i < 10; ++i) {
        support::Child child([&] {
            ::alarm(20);
            auto* const block = allocate();
            block[0] = std::byte{1};
            free(block);
        });
        EXPECT_EQ(child.wait(), 0);
    }
    stop = true;
    others.join();
}

INSTANTIATE_TEST_SUITE_P(, BlockRecordTest, ::testing::Values(k_bound_at_once, k_bound_late),
                         [](const auto& given) {
                             return given.param == k_bound_late ? "bound_late" : "bound_at_once";
                         });

int others_posix_memalign(void** block, std::size_t alignment, std::size_t size) {
    return ::posix_memalign(block, alignment, size);
}

// In a process of its own, because the first value of a slot is remembered. Under a sanitizer, its
// allocator is the other one.
TEST(BlockRecord, StepsAsideWhereAnotherAllocatorServes) {
    support::Child child([] {
        const Library library(k_bound_at_once);
        if (obstacle_to_recording({k_bound_at_once}).empty()) {
            const auto found = LoadedLibrary::find(k_bound_at_once);
            const auto slot = find_import_slots(found.front(), {"posix_memalign"}).front();
            ASSERT_TRUE(
                slot.exchange(slot.load(), reinterpret_cast<void*>(&others_posix_memalign)));
        }
        const auto expect_nothing = [&] {
            const auto before = slots_of(k_bound_at_once);
            const LargeBlockScope scope({k_bound_at_once}, 0, Record::yes);
            EXPECT_NE(scope.obstacle(), "");
            EXPECT_EQ(scope.obstacle(), obstacle_to_recording({k_bound_at_once}));
            // For nothing.
            EXPECT_EQ(slots_of(k_bound_at_once), before);
            void* const block = library.allocate("library_posix_memalign", k_recorded_bytes);
            EXPECT_TRUE(scope.blocks().empty());
            const Memory pages(static_cast<std::byte*>(block), k_recorded_bytes);
            EXPECT_FALSE(scope.with(pages, [] { FAIL(); }));
            library.free(block);
        };
        expect_nothing();
        // Also if all of them are redirected, for other reasons.
        const LargeBlockScope other({k_bound_at_once}, std::uint64_t{1} << 40);
        expect_nothing();
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST(BlockRecord, StepsAsideWhereNothingIsLoaded) {
    const LargeBlockScope scope({"libnot_loaded.so"}, 0, Record::yes);
    EXPECT_NE(scope.obstacle(), "");
    EXPECT_TRUE(scope.blocks().empty());
}

}  // namespace
}  // namespace larder::internal::process
