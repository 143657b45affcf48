// store/references/windows.h.
#include "store/references/windows.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "harness.h"

namespace larder::internal::store {
namespace {

constexpr std::uint64_t k_stretch_bytes = 4096;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// The first window of `text` that is known, from each of its places on.
std::optional<Windows::Place> first_found(const Windows& windows, std::string_view text) {
    const auto bytes = bytes_of(text);
    for (std::size_t at = 0; at + k_window_bytes <= bytes.size(); ++at) {
        if (auto place = windows.find(bytes.data() + at)) {
            place->offset -= at;
            return place;
        }
    }
    return std::nullopt;
}

TEST(Windows, FindBytesWhereverTheyLieNow) {
    const auto first = random_text(100'000, 1);
    const auto second = random_text(50'003, 2);
    const Windows windows({bytes_of(first), {}, bytes_of(second)}, k_stretch_bytes);
    EXPECT_EQ(windows.stretch_bytes(), k_stretch_bytes);
    for (std::size_t from = 0; from < 90'000; from += 7'001) {
        const auto part = first.substr(from, k_stretch_bytes + k_window_bytes);
        const auto found = first_found(windows, part);
        ASSERT_TRUE(found) << from;
        EXPECT_EQ(found->range, 0U);
        EXPECT_EQ(found->offset, from);
    }
    const auto found = first_found(windows, second.substr(1, 2 * k_stretch_bytes));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->range, 2U) << "an empty range is none";
    EXPECT_EQ(found->offset, 1U);
    EXPECT_EQ(windows.range(2).size(), second.size());
}

TEST(Windows, FindNothingElse) {
    const auto known = random_text(1'000'000, 1);
    const Windows windows({bytes_of(known)}, k_stretch_bytes);
    EXPECT_FALSE(first_found(windows, random_text(300'000, 2)));
    auto almost = known.substr(0, 3 * k_stretch_bytes);
    for (std::size_t at = 0; at < almost.size(); at += k_window_bytes / 2) almost[at] ^= 1;
    EXPECT_FALSE(first_found(windows, almost)) << "each window differs in a bit";
}

TEST(Windows, FillingsAreNowhere) {
    const std::string zeros(40'000, '\0');
    std::string period;
    while (period.size() < 40'000) period += "12345678";
    const Windows windows({bytes_of(zeros), bytes_of(period)}, k_stretch_bytes);
    EXPECT_FALSE(first_found(windows, zeros));
    EXPECT_FALSE(first_found(windows, period));
}

TEST(Windows, OfNothingFindNothing) {
    const auto text = random_text(1'000, 1);
    EXPECT_FALSE(first_found(Windows({}, k_stretch_bytes), text));
    EXPECT_FALSE(first_found(Windows({{}, {}}, k_stretch_bytes), text));
    const auto shorter = std::string_view(text).substr(0, k_window_bytes - 1);
    EXPECT_FALSE(first_found(Windows({bytes_of(shorter)}, k_stretch_bytes), text));
    const auto window = std::string_view(text).substr(0, k_window_bytes);
    EXPECT_TRUE(first_found(Windows({bytes_of(window)}, k_stretch_bytes), text));
}

TEST(Windows, OfSeveralThatAreTheSameTheFirstCounts) {
    const auto text = random_text(20'000, 1);
    const Windows windows({bytes_of(text), bytes_of(text)}, k_stretch_bytes);
    EXPECT_EQ(first_found(windows, text)->range, 0U);
}

// Its memory is limited for all ranges.
TEST(Windows, OfMuchAreFurtherApart) {
    const auto text = random_text(5'000'000, 1);
    const Windows windows({bytes_of(text)}, 1);
    EXPECT_EQ(windows.stretch_bytes(), 8U);
    EXPECT_EQ(first_found(windows, text.substr(1'234'567, 200))->offset, 1'234'567U);
}

TEST(Windows, BytesInCommonAreCountedToTheByte) {
    const auto text = random_text(100'000, 1);
    for (const std::size_t at : {0U, 1U, 16'383U, 16'384U, 16'385U, 99'999U}) {
        auto other = text;
        other[at] ^= 1;
        EXPECT_EQ(common_prefix_bytes(bytes_of(text), bytes_of(other)), at);
        const auto before = text.size() - 1 - at;
        const auto* const a_end = bytes_of(text).data() + text.size();
        const auto* const b_end = bytes_of(other).data() + other.size();
        EXPECT_EQ(common_suffix_bytes(a_end, b_end, text.size()), before);
        EXPECT_EQ(common_suffix_bytes(a_end, b_end, before / 2), before / 2);
    }
    EXPECT_EQ(common_prefix_bytes(bytes_of(text), bytes_of(text)), text.size());
    EXPECT_EQ(common_prefix_bytes(bytes_of(text), bytes_of(text).first(77)), 77U);
    EXPECT_EQ(common_prefix_bytes(bytes_of(text), {}), 0U);
}

}  // namespace
}  // namespace larder::internal::store
