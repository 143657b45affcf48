// process/thread_mark.h, on test libraries: which threads carry a mark, and whose calls count.
#include "process/thread_mark.h"

#include <cstdint>
#include <functional>
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
    std::vector<void*> blocks(3);
    const auto allocate = [&](std::size_t i) {
        // The first block of a thread is in memory that the C library allocates for the thread.
        library_.free(library_.allocate("library_malloc", 1));
        blocks.at(i) = library_.allocate("library_posix_memalign", k_bytes);
    };
    allocate(0);
    run([&] { allocate(1); });
    // Serves another model meanwhile.
    std::thread([&] { run([&] { allocate(2); }); }).join();
    for (const auto& pages : scope.blocks()) {
        const bool is_own = pages.data() != blocks.at(2);
        EXPECT_EQ(scope.mark_of(pages), is_own ? mark.id() : 0U);
    }
    EXPECT_EQ(scope.blocks().size(), 3U);
    for (void* const block : blocks) library_.free(block);
}

INSTANTIATE_TEST_SUITE_P(, ThreadMarkTest, ::testing::Values(k_bound_at_once, k_bound_late),
                         [](const auto& given) {
                             return given.param == k_bound_late ? "bound_late" : "bound_at_once";
                         });

}  // namespace
}  // namespace larder::internal::process
