// store/matching.h: the common bytes of two blobs.
#include "store/matching.h"

#include <string>

#include <gtest/gtest.h>

#include "harness.h"

namespace larder::internal::store {
namespace {

std::vector<Match> matches_of(const std::string& blob, const std::string& base) {
    const auto matches =
        find_matches(std::as_bytes(std::span(blob)), std::as_bytes(std::span(base)), 2);
    std::uint64_t end = 0;
    for (const auto& match : matches) {
        EXPECT_GE(match.offset, end) << "they overlap";
        EXPECT_GE(match.bytes, k_match_bytes_min);
        end = match.offset + match.bytes;
        EXPECT_LE(end, blob.size());
        EXPECT_LE(match.base_offset + match.bytes, base.size());
        EXPECT_EQ(blob.compare(match.offset, match.bytes, base, match.base_offset, match.bytes), 0);
    }
    return matches;
}

TEST(Matching, TheSameIsOneMatch) {
    const auto text = random_text(50'000'003, 1);
    EXPECT_EQ(matches_of(text, text), (std::vector<Match>{{0, 0, text.size()}}));
}

TEST(Matching, DifferentBlobsHaveNoneAndNothingHasNone) {
    EXPECT_TRUE(matches_of(random_text(9'000'000, 1), random_text(9'000'000, 2)).empty());
    EXPECT_TRUE(matches_of("", random_text(100'000, 2)).empty());
    EXPECT_TRUE(matches_of(random_text(100'000, 2), "").empty());
    EXPECT_TRUE(matches_of("short", "short").empty());
}

TEST(Matching, WhatWasMovedByAMultipleOf64IsFoundToTheByte) {
    const auto a = random_text(20'000'000, 1);
    const auto b = random_text(5'000'000, 2);
    for (const std::size_t inserted : {64U, 4096U, 12'345U * 64, 17'000'000U}) {
        const auto matches = matches_of(a + random_text(inserted, 3) + b, a + b);
        ASSERT_EQ(matches.size(), 2U) << inserted;
        EXPECT_EQ(matches[0], (Match{0, 0, a.size()}));
        EXPECT_EQ(matches[1], (Match{a.size() + inserted, a.size(), b.size()}));
        const auto removed = matches_of(a + b, a + random_text(inserted, 3) + b);
        ASSERT_EQ(removed.size(), 2U) << inserted;
        EXPECT_EQ(removed[1], (Match{a.size(), a.size() + inserted, b.size()}));
    }
}

TEST(Matching, SingleBytesThatDifferSplitAMatch) {
    auto text = random_text(3'000'000, 1);
    const auto base = text;
    for (const std::size_t at : {1'000'000U, 2'999'999U}) {
        text[at] = static_cast<char>(text[at] ^ 1);
    }
    EXPECT_EQ(matches_of(text, base),
              (std::vector<Match>{{0, 0, 1'000'000}, {1'000'001, 1'000'001, 1'999'998}}));
}

TEST(Matching, PiecesInAnotherOrderAreFound) {
    std::vector<std::string> pieces;
    for (std::uint64_t i = 0; i < 20; ++i) pieces.push_back(random_text(64 * 1'000, i));
    std::string forwards;
    std::string backwards;
    for (const auto& piece : pieces) {
        forwards += piece;
        backwards = piece + backwards;
    }
    std::uint64_t matched = 0;
    for (const auto& match : matches_of(backwards, forwards)) matched += match.bytes;
    EXPECT_EQ(matched, forwards.size());
}

TEST(Matching, FillingsMatchWithoutEnd) {
    const std::string zeros(30'000'000, '\0');
    EXPECT_EQ(matches_of(zeros, zeros).size(), 1U);
    const auto text = random_text(1'000'000, 1);
    const auto matches = matches_of(zeros + text, text + zeros);
    ASSERT_FALSE(matches.empty());
    EXPECT_EQ(matches.back().bytes, text.size());
}

}  // namespace
}  // namespace larder::internal::store
