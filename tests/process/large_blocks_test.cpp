// process/large_blocks.h, on test libraries: bound at once or lazily, protected or not.
#include "process/large_blocks.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "opened_library.h"
#include "process/linkage.h"

namespace larder::internal::process {
namespace {

// So large that the allocator makes a mapping for every block.
constexpr std::size_t k_large = std::size_t{40} << 20;
constexpr std::uint64_t k_plenty = std::uint64_t{1} << 40;

// Whether the pages of an unwritten block are resident; all except the few that the kernel may be
// moving at that moment.
bool is_brought_in(const void* block, std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    const auto offset = address % page;
    std::vector<unsigned char> there((offset + size + page - 1) / page);
    auto* const begin = static_cast<char*>(const_cast<void*>(block)) - offset;
    EXPECT_EQ(::mincore(begin, offset + size, there.data()), 0);
    const auto present =
        std::count_if(there.begin(), there.end(), [](auto one) { return (one & 1U) != 0; });
    return static_cast<std::size_t>(present) >= there.size() / 64 * 63;
}

bool allocates_present(const Library& library, const char* function) {
    void* const block = library.allocate(function, k_large);
    EXPECT_NE(block, nullptr);
    const bool present = is_brought_in(block, k_large);
    static_cast<char*>(block)[k_large - 1] = 1;
    library.free(block);
    return present;
}

class LargeBlockScopeTest : public ::testing::TestWithParam<std::string_view> {
protected:
    void SetUp() override {
        if (transparent_huge_pages() == HugePages::always) {
            GTEST_SKIP() << "the kernel gives huge pages anyway";
        }
    }
};

TEST_P(LargeBlockScopeTest, LargeBlocksAreBroughtInWhileItLives) {
    const Library library(GetParam());
    for (const auto* function :
         {"library_malloc", "library_aligned_alloc", "library_posix_memalign"}) {
        SCOPED_TRACE(function);
        {
            const LargeBlockScope scope({GetParam()}, k_plenty);
            EXPECT_TRUE(allocates_present(library, function));
            const auto left = LargeBlockScope::budget_bytes_left();
            library.free(library.allocate(function, std::size_t{1} << 20));
            EXPECT_EQ(LargeBlockScope::budget_bytes_left(), left);
        }
    }
}

TEST_P(LargeBlockScopeTest, PutsEverySlotBack) {
    const Library library(GetParam());
    // Binds lazily bound functions.
    for (const auto* function :
         {"library_malloc", "library_aligned_alloc", "library_posix_memalign"}) {
        library.free(library.allocate(function, 64));
    }
    const auto before = slots_of(GetParam());
    ASSERT_GE(before.size(), 4U);
    {
        const LargeBlockScope outer({GetParam()}, k_plenty);
        const auto during = slots_of(GetParam());
        for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NE(during[i], before[i]) << i;
        {
            const LargeBlockScope inner({GetParam()}, k_plenty);
            EXPECT_EQ(slots_of(GetParam()), during);
        }
        EXPECT_EQ(slots_of(GetParam()), during);
    }
    EXPECT_EQ(slots_of(GetParam()), before);
}

// A slot that was never used for a call holds a stub, which must not be taken for the function.
TEST_P(LargeBlockScopeTest, ServesWhatWasNotCalledBefore) {
    const Library library(GetParam());
    const LargeBlockScope scope({GetParam()}, k_plenty);
    EXPECT_TRUE(allocates_present(library, "library_aligned_alloc"));
    EXPECT_TRUE(allocates_present(library, "library_aligned_alloc"));
}

TEST_P(LargeBlockScopeTest, EndsWithItsBudget) {
    const Library library(GetParam());
    library.free(library.allocate("library_malloc", 64));
    const LargeBlockScope scope({GetParam()}, 2 * k_large);
    EXPECT_TRUE(allocates_present(library, "library_posix_memalign"));
    EXPECT_TRUE(allocates_present(library, "library_posix_memalign"));
    for (const auto& found : LoadedLibrary::find(GetParam())) {
        for (const auto& slot : find_import_slots(found, {"malloc"})) {
            EXPECT_EQ(slot.load(), reinterpret_cast<void*>(&std::malloc));
        }
    }
    const LargeBlockScope next({GetParam()}, k_plenty);
    EXPECT_TRUE(allocates_present(library, "library_posix_memalign"));
}

TEST_P(LargeBlockScopeTest, AllocationsGoOnWhileScopesComeAndGo) {
    const Library library(GetParam());
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            while (!stop) {
                void* const block = library.allocate("library_malloc", k_large);
                static_cast<char*>(block)[0] = 1;
                library.free(block);
                library.free(library.allocate("library_posix_memalign", 128));
            }
        });
    }
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 200; ++round) {
                const LargeBlockScope scope({GetParam(), k_bound_late},
                                            static_cast<std::uint64_t>(round % 3) * k_large);
            }
        });
    }
    threads[2].join();
    threads[3].join();
    stop = true;
    threads[0].join();
    threads[1].join();
    const LargeBlockScope scope({GetParam()}, k_plenty);
    EXPECT_TRUE(allocates_present(library, "library_malloc"));
}

// If another library redirects a call meanwhile, its redirection stays, and no cycle with ours
// arises. In a process of its own, because nothing is redirected from then on.
TEST_P(LargeBlockScopeTest, LeavesToOthersWhatTheyRedirected) {
    EXPECT_EXIT(
        {
            const Library library(GetParam());
            library.free(library.allocate("library_malloc", 64));
            static std::atomic<void*> theirs_calls;
            void* (*const theirs)(std::size_t) = [](std::size_t size) {
                return reinterpret_cast<void* (*)(std::size_t)>(theirs_calls.load())(size);
            };
            auto* const their_slot = reinterpret_cast<void*>(theirs);
            const auto found = LoadedLibrary::find(GetParam());
            const auto slot = find_import_slots(found.front(), {"malloc"}).front();
            {
                const LargeBlockScope scope({GetParam()}, k_plenty);
                theirs_calls = slot.load();
                if (!slot.exchange(slot.load(), their_slot)) std::exit(2);
            }
            if (slot.load() != their_slot) std::exit(3);
            const LargeBlockScope scope({GetParam()}, k_plenty);
            if (slot.load() != their_slot) std::exit(4);
            void* const block = library.allocate("library_malloc", k_large);
            if (block == nullptr || is_brought_in(block, k_large)) std::exit(5);
            library.free(block);
            std::exit(0);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST_P(LargeBlockScopeTest, KeepsTheLibraryLoadedAndLetsItGo) {
    {
        auto library = std::make_unique<Library>(GetParam());
        const LargeBlockScope scope({GetParam()}, k_plenty);
        library.reset();
        EXPECT_FALSE(slots_of(GetParam()).empty());
    }
    EXPECT_TRUE(LoadedLibrary::find(GetParam()).empty());
    const Library again(GetParam());
    const LargeBlockScope scope({GetParam()}, k_plenty);
    EXPECT_TRUE(allocates_present(again, "library_malloc"));
}

TEST_P(LargeBlockScopeTest, DoesNothingForALibraryThatIsNotLoaded) {
    const LargeBlockScope scope({"libnot_loaded.so", GetParam()}, k_plenty);
    EXPECT_TRUE(LoadedLibrary::find(GetParam()).empty());
}

TEST_P(LargeBlockScopeTest, OthersAreNotTouched) {
    const Library library(GetParam());
    const auto other = GetParam() == k_bound_late ? k_bound_at_once : k_bound_late;
    const Library bystander(other);
    const LargeBlockScope scope({GetParam()}, k_plenty);
    EXPECT_TRUE(allocates_present(library, "library_posix_memalign"));
    EXPECT_FALSE(allocates_present(bystander, "library_posix_memalign"));
}

INSTANTIATE_TEST_SUITE_P(, LargeBlockScopeTest, ::testing::Values(k_bound_at_once, k_bound_late),
                         [](const auto& given) {
                             return given.param == k_bound_late ? "bound_late" : "bound_at_once";
                         });

}  // namespace
}  // namespace larder::internal::process
