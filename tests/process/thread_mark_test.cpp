// process/thread_mark.h, on test libraries: which threads carry a mark, and whose calls count.
#include "process/thread_mark.h"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "opened_library.h"
#include "process/large_blocks.h"
#include "support/c_library_allocator.h"

namespace larder::internal::process {
namespace {

class ThreadMarkTest : public ::testing::TestWithParam<std::string_view> {
protected:
    void SetUp() override {
        if (support::is_address_sanitized() || support::is_thread_sanitized()) {
            GTEST_SKIP() << "the sanitizer starts threads by a function of its own";
        }
    }
    // On a thread that the library starts.
    void run(const std::function<void()>& work) const {
        library_.run_on_thread([](void* what) { (*static_cast<std::function<void()>*>(what))(); },
                               const_cast<std::function<void()>*>(&work));
    }
    // As a task of the library: on a thread of the pool, or on the calling thread.
    void run_as_task(const std::function<void()>& work, bool runs_here = false) const {
        library_.run_as_task([](void* what) { (*static_cast<std::function<void()>*>(what))(); },
                             const_cast<std::function<void()>*>(&work), runs_here);
    }
    [[nodiscard]] std::uint64_t mark_of_a_thread() const {
        std::uint64_t found = 0;
        run([&] { found = current_thread_mark(); });
        return found;
    }

    Library library_{GetParam()};
};

TEST_P(ThreadMarkTest, ThreadsThatTheLibraryStartsCarryTheMark) {
    EXPECT_EQ(mark_of_a_thread(), 0U);
    std::uint64_t first = 0;
    {
        const ThreadMark mark({GetParam()}, {});
        first = mark.id();
        EXPECT_EQ(current_thread_mark(), first);
        EXPECT_EQ(mark_of_a_thread(), first);
        run([&] { EXPECT_EQ(mark_of_a_thread(), first); });
        const ThreadMark inner({GetParam()}, {});
        EXPECT_NE(inner.id(), first);
        EXPECT_EQ(mark_of_a_thread(), inner.id());
    }
    EXPECT_EQ(current_thread_mark(), 0U);
    EXPECT_EQ(mark_of_a_thread(), 0U);
    EXPECT_NE(ThreadMark({GetParam()}, {}).id(), first);
}

TEST_P(ThreadMarkTest, OthersThreadsDoNot) {
    const ThreadMark mark({GetParam()}, {});
    std::thread([&] {
        EXPECT_EQ(current_thread_mark(), 0U);
        EXPECT_EQ(mark_of_a_thread(), 0U);
        const ThreadMark other({GetParam()}, {});
        EXPECT_EQ(mark_of_a_thread(), other.id());
    }).join();
    // A thread that this thread starts for the program.
    std::thread([] { EXPECT_EQ(current_thread_mark(), 0U); }).join();
    EXPECT_EQ(mark_of_a_thread(), mark.id());
}

TEST_P(ThreadMarkTest, TasksOfAMarkedThreadCarryItsMarkOnEveryThread) {
    const auto mark_of_a_task = [&](bool runs_here) {
        std::uint64_t found = 0;
        run_as_task([&] { found = current_thread_mark(); }, runs_here);
        return found;
    };
    EXPECT_EQ(mark_of_a_task(false), 0U);
    {
        const ThreadMark mark({GetParam()}, {});
        EXPECT_EQ(mark_of_a_task(false), mark.id());
        EXPECT_EQ(mark_of_a_task(true), mark.id());
        // The same holds for a task and for a thread that such a task starts.
        run_as_task([&] {
            EXPECT_EQ(mark_of_a_task(false), mark.id());
            EXPECT_EQ(mark_of_a_thread(), mark.id());
        });
        // A thread that waits for its own tasks may run those of others.
        std::thread([&] {
            run_as_task([&] { EXPECT_EQ(current_thread_mark(), 0U); });
            const ThreadMark other({GetParam()}, {});
            run_as_task([&] { EXPECT_EQ(current_thread_mark(), other.id()); });
        }).join();
        EXPECT_EQ(mark_of_a_task(false), mark.id());
    }
    EXPECT_EQ(mark_of_a_task(false), 0U);
}

TEST_P(ThreadMarkTest, ATaskThatThrowsEndsItsMark) {
    const ThreadMark mark({GetParam()}, {});
    for (int i = 0; i < 100; ++i) {
        EXPECT_THROW(run_as_task([] { throw std::runtime_error("a task's own"); }, true),
                     std::runtime_error);
    }
    std::uint64_t found = 0;
    run_as_task([&] { found = current_thread_mark(); });
    EXPECT_EQ(found, mark.id());
}

TEST_P(ThreadMarkTest, MoreTasksThanCanBeMarkedRunWithoutMarks) {
    const ThreadMark mark({GetParam()}, {});
    constexpr int k_depth = 100;
    int depth = 0;
    std::uint64_t last = mark.id();
    const std::function<void()> nest = [&] {
        last = current_thread_mark();
        if (++depth < k_depth) run_as_task(nest);
    };
    run_as_task(nest);
    EXPECT_EQ(depth, k_depth);
    EXPECT_EQ(last, 0U);
}

TEST_P(ThreadMarkTest, CallsOfOtherThreadsAreNoticed) {
    const auto call = [&] { library_.free(nullptr); };
    call();
    const ThreadMark mark({GetParam()}, "free");
    EXPECT_FALSE(mark.is_anybody_else_calling());
    call();
    EXPECT_FALSE(mark.is_anybody_else_calling());
    std::thread(call).join();
    EXPECT_TRUE(mark.is_anybody_else_calling());
    EXPECT_FALSE(ThreadMark({GetParam()}, "free").is_anybody_else_calling());
    // If nothing is counted, the answer is unknown.
    EXPECT_TRUE(ThreadMark({GetParam()}, {}).is_anybody_else_calling());
    EXPECT_TRUE(ThreadMark({GetParam()}, "no_such_function").is_anybody_else_calling());
}

TEST_P(ThreadMarkTest, ABlockIsMarkedAsItsAllocatorIs) {
    ASSERT_EQ(obstacle_to_recording({GetParam()}), "");
    constexpr std::size_t k_bytes = std::size_t{5} << 20;
    const ThreadMark mark({GetParam()}, {});
    const LargeBlockScope scope({GetParam()}, 0, LargeBlockScope::Record::yes);
    std::vector<void*> blocks(4);
    const auto allocate = [&](std::size_t i) {
        // The first block of a thread is in memory that the C library allocates for the thread.
        library_.free(library_.allocate("library_malloc", 1));
        blocks.at(i) = library_.allocate("library_posix_memalign", k_bytes);
    };
    allocate(0);
    run([&] { allocate(1); });
    // Serves another model meanwhile.
    std::thread([&] { run([&] { allocate(2); }); }).join();
    run_as_task([&] { allocate(3); });
    for (const auto& pages : scope.blocks()) {
        const bool is_own = pages.data() != blocks.at(2);
        EXPECT_EQ(scope.mark_of(pages), is_own ? mark.id() : 0U);
    }
    EXPECT_EQ(scope.blocks().size(), 4U);
    for (void* const block : blocks) library_.free(block);
}

INSTANTIATE_TEST_SUITE_P(, ThreadMarkTest, ::testing::Values(k_bound_at_once, k_bound_late),
                         [](const auto& given) {
                             return given.param == k_bound_late ? "bound_late" : "bound_at_once";
                         });

}  // namespace
}  // namespace larder::internal::process
