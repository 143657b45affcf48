// store/delta.h: the segments of a variant.
#include "store/delta.h"

#include <string>

#include <gtest/gtest.h>

#include "harness.h"

namespace larder::internal::store {
namespace {

std::optional<Delta> plan(const std::string& blob, const std::string& base) {
    const auto bytes = std::as_bytes(std::span(blob));
    const auto matches = find_matches(bytes, std::as_bytes(std::span(base)), 2);
    auto delta = plan_delta(bytes, base.size(), matches);
    if (!delta) return delta;
    // The content of the delta, and the blob that it makes with its base.
    auto object = std::string(delta->own_bytes, '\0');
    for (const auto& literal : delta->literals) {
        EXPECT_GE(literal.own_offset, format::variant_table_bytes(delta->variant.segments.size()));
        object.replace(literal.own_offset, literal.bytes, blob, literal.offset, literal.bytes);
    }
    EXPECT_EQ(object.size(), delta->own_bytes);
    std::string made;
    for (const auto& segment : delta->variant.segments) {
        const auto& from = segment.source == format::SegmentSource::base ? base : object;
        made.append(from, segment.offset, segment.bytes);
    }
    EXPECT_TRUE(made == blob);
    const auto table = format::encode_variant(delta->variant);
    EXPECT_TRUE(format::decode_variant(table, delta->own_bytes));
    return delta;
}

TEST(Delta, OfAnotherEndIsThatEnd) {
    const auto text = random_text(5 * k_mib, 1);
    const auto delta = plan(text + random_text(100'000, 2), text + random_text(90'000, 3));
    ASSERT_TRUE(delta);
    EXPECT_LT(delta->own_bytes, 120'000U);
    EXPECT_LT(delta->copied_bytes, 120'000U);
    EXPECT_EQ(delta->variant.start_in_page, 0U);
}

TEST(Delta, OfWhatIsMovedByWholePagesCopiesNothing) {
    const auto a = random_text(2 * k_mib, 1);
    const auto b = random_text(2 * k_mib, 2);
    const auto delta = plan(a + random_text(8192, 3) + b, a + b);
    ASSERT_TRUE(delta);
    EXPECT_LT(delta->own_bytes, 20'000U);
    EXPECT_LT(delta->copied_bytes, 20'000U);
}

TEST(Delta, BeginsInItsPageWhereMostOfItCanBeMapped) {
    const auto a = random_text(200'000, 1);
    const auto b = random_text(3 * k_mib, 2);
    const auto delta = plan(a + random_text(64 * 5, 3) + b, a + b);
    ASSERT_TRUE(delta);
    EXPECT_EQ(delta->variant.start_in_page, 4096U - 64 * 5);
    EXPECT_LT(delta->copied_bytes, 220'000U) << "the smaller part is copied";
    EXPECT_LT(delta->own_bytes, 20'000U) << "and kept once";
}

TEST(Delta, KeepsOnceMoreWhatEachLoadWouldHaveToCopy) {
    const auto a = random_text(k_mib, 1);
    const auto b = random_text(3 * k_mib, 2);
    const auto delta = plan(a + random_text(64 * 5, 3) + b, a + b);
    ASSERT_TRUE(delta);
    EXPECT_LT(delta->copied_bytes, 20'000U);
    EXPECT_GT(delta->own_bytes, k_mib);
    EXPECT_LT(delta->own_bytes, k_mib + 30'000);
}

TEST(Delta, KeepsWhatTheBlobRepeatsOnce) {
    const auto shared = random_text(8 * k_mib, 1);
    const auto mask = random_text(k_mib, 2);
    const auto blob = mask + shared.substr(0, 4 * k_mib) + mask + shared.substr(4 * k_mib) + mask;
    const auto delta = plan(blob, shared);
    ASSERT_TRUE(delta);
    EXPECT_LT(delta->own_bytes, k_mib + 30'000);
    EXPECT_LT(delta->copied_bytes, 30'000U) << "large literals are mapped, too";
}

TEST(Delta, KeepsOnceWhatIsRepeatedAtOddPlaces) {
    const auto shared = random_text(8 * k_mib, 1);
    const auto mask = random_text(100'001, 2);
    std::string base;
    std::string blob;
    // The base has them too, but shorter, so that the following bytes move by whole pages.
    for (std::size_t i = 0; i < 4; ++i) {
        const auto layer = shared.substr(i * 2 * k_mib, 2 * k_mib - 21);
        base += layer + mask.substr(0, 100'001 - 20 * 4096);
        blob += layer + mask;
    }
    const auto delta = plan(blob, base);
    ASSERT_TRUE(delta);
    EXPECT_LT(delta->own_bytes, 200'000U);
    EXPECT_LT(delta->copied_bytes, 400'000U);
}

TEST(Delta, ThatWouldNotPayIsNone) {
    const auto text = random_text(2 * k_mib, 1);
    EXPECT_FALSE(plan(random_text(2 * k_mib, 2), text)) << "nothing in common";
    EXPECT_FALSE(plan(text.substr(0, k_mib / 2) + random_text(k_mib, 2), text)) << "too little";
}

}  // namespace
}  // namespace larder::internal::store
