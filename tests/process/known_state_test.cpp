// Goal: in a known state the calling thread writes, reads and rounds numbers as in "C", with every
// setting of the program; afterwards the old state is restored.
#include "process/known_state.h"

#include <cfenv>
#include <clocale>
#include <locale>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <langinfo.h>

namespace larder::internal::process {
namespace {

// It is built into glibc or part of its packages; it differs from "C" in the character set.
constexpr const char* k_other_locale = "C.UTF-8";

std::string character_set() { return ::nl_langinfo(CODESET); }

TEST(KnownState, RestoresLocaleOfProcess) {
    const auto plain = character_set();
    ASSERT_NE(std::setlocale(LC_ALL, k_other_locale), nullptr);
    const auto other = character_set();
    EXPECT_NE(other, plain);
    {
        const KnownState known;
        EXPECT_EQ(character_set(), plain);
        std::thread([&] { EXPECT_EQ(character_set(), other); }).join();
    }
    EXPECT_EQ(character_set(), other);
    std::setlocale(LC_ALL, "C");
    EXPECT_EQ(character_set(), plain) << "the thread is in the process's locale again";
}

TEST(KnownState, RestoresLocaleOfThread) {
    const auto plain = character_set();
    const auto own = ::newlocale(LC_ALL_MASK, k_other_locale, nullptr);
    ASSERT_NE(own, nullptr);
    const auto before = ::uselocale(own);
    {
        const KnownState known;
        EXPECT_EQ(character_set(), plain);
        const KnownState nested;
        EXPECT_EQ(character_set(), plain);
    }
    EXPECT_EQ(::uselocale(nullptr), own);
    ::uselocale(before);
    ::freelocale(own);
}

TEST(KnownState, IgnoresLocaleSetMeanwhile) {
    const auto plain = character_set();
    const KnownState known;
    std::thread([] { std::setlocale(LC_ALL, k_other_locale); }).join();
    EXPECT_EQ(character_set(), plain);
    std::setlocale(LC_ALL, "C");
}

TEST(KnownState, RestoresRoundingAlsoAfterAnException) {
    ASSERT_EQ(std::fesetround(FE_UPWARD), 0);
    try {
        const KnownState known;
        EXPECT_EQ(std::fegetround(), FE_TONEAREST);
        throw std::runtime_error("from the runtime");
    } catch (const std::runtime_error&) {
        EXPECT_EQ(std::fegetround(), FE_UPWARD);
    }
    std::fesetround(FE_TONEAREST);
}

#if defined(__x86_64__)
TEST(KnownState, KeepsDenormals) {
    constexpr unsigned k_flush = 0x8040;
    const unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | k_flush);
    {
        const KnownState known;
        EXPECT_EQ(__builtin_ia32_stmxcsr() & k_flush, 0U);
    }
    EXPECT_EQ(__builtin_ia32_stmxcsr() & k_flush, k_flush);
    __builtin_ia32_ldmxcsr(before);
}
#endif

class Grouping : public std::numpunct<char> {
    [[nodiscard]] std::string do_grouping() const override { return "\3"; }
};

TEST(KnownState, SeesStreamsThatWriteNumbersOtherwise) {
    EXPECT_TRUE(streams_are_plain());
    const auto before = std::locale::global(std::locale(std::locale::classic(), new Grouping));
    EXPECT_FALSE(streams_are_plain());
    // Other names, the same numbers.
    std::locale::global(std::locale(k_other_locale));
    EXPECT_TRUE(streams_are_plain());
    std::locale::global(before);
    EXPECT_TRUE(streams_are_plain());
}

}  // namespace
}  // namespace larder::internal::process
