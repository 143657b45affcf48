// os/residency.h: asking which pages are in memory never ends the process.
#include "os/residency.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "os/page_size.h"

namespace larder::internal::os {
namespace {

TEST(Residency, IsAskedForUnlessItMayEndAService) {
    constexpr std::string_view k_free = "Name:\ta\nSeccomp:\t0\nSeccomp_filters:\t0\n";
    constexpr std::string_view k_filtered = "Name:\ta\nSeccomp:\t2\nSeccomp_filters:\t1\n";
    EXPECT_TRUE(may_ask_for_residency(nullptr, k_free));
    EXPECT_TRUE(may_ask_for_residency(nullptr, k_filtered)) << "a container";
    EXPECT_TRUE(may_ask_for_residency("a service", k_free));
    EXPECT_FALSE(may_ask_for_residency("a service", k_filtered));
    EXPECT_FALSE(may_ask_for_residency("a service", "")) << "it cannot be told";
}

TEST(Residency, IsOfOnePage) {
    const auto size = 2 * page_bytes();
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    ::madvise(memory, size, MADV_NOHUGEPAGE);
    auto* const second = static_cast<char*>(memory) + page_bytes();
    *second = 1;
    EXPECT_FALSE(is_resident(memory));
    EXPECT_TRUE(is_resident(second));
    ::munmap(memory, size);
    EXPECT_FALSE(is_resident(second));
}

}  // namespace
}  // namespace larder::internal::os
