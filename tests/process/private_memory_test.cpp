// process/private_memory.h.
#include "process/private_memory.h"

#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "os/system.h"

namespace larder::internal::process {
namespace {

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;

TEST(PrivateMemory, IsWhatItWasFilledWith) {
    for (const std::uint64_t size : {0 * k_mib, k_mib / 1024, 5 * k_mib + 1}) {
        auto memory = PrivateMemory::reserve(size);
        ASSERT_TRUE(memory) << memory.error().message();
        ASSERT_EQ(memory->bytes().size(), size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->bytes().data()) % (2 * k_mib), 0U);
        if (size > 0) {
            PrivateMemory::bring_in(memory->bytes().first(size / 2));
            EXPECT_EQ(memory->bytes().back(), std::byte{0});
            std::memset(memory->bytes().data(), 'x', size);
        }
        const auto mapping = std::move(*memory).seal();
        ASSERT_TRUE(mapping) << mapping.error().message();
        // No file could restore its content.
        (*mapping)->drop_resident();
        EXPECT_TRUE((*mapping)->is_cached(0, size));
        ASSERT_EQ((*mapping)->bytes().size(), size);
        for (const auto byte : (*mapping)->bytes()) ASSERT_EQ(byte, std::byte{'x'});
    }
}

TEST(PrivateMemory, TakesNoneBeforeItIsFilled) {
    const auto before = os::read_memory_info().rss_bytes;
    const auto memory = PrivateMemory::reserve(256 * k_mib);
    ASSERT_TRUE(memory);
    EXPECT_LT(os::read_memory_info().rss_bytes, before + 64 * k_mib);
}

TEST(PrivateMemory, OfMoreThanThereIsIsAnError) {
    EXPECT_FALSE(PrivateMemory::reserve(std::numeric_limits<std::uint64_t>::max()));
    EXPECT_FALSE(PrivateMemory::reserve(std::uint64_t{1} << 60));
}

TEST(PrivateMemoryDeathTest, IsOnlyReadOnceItIsSealed) {
    auto memory = PrivateMemory::reserve(k_mib);
    auto* const byte = memory->bytes().data();
    const auto mapping = std::move(*memory).seal();
    EXPECT_DEATH(*const_cast<volatile std::byte*>(byte) = std::byte{1}, "");
}

}  // namespace
}  // namespace larder::internal::process
