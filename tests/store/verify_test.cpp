// store/disk/administration.h, verify_entries: long checks, and damage that affects several
// entries.
#include <algorithm>

#include "harness.h"
#include "state/state.h"
#include "store/disk/administration.h"
#include "support/fake_clock.h"

namespace larder::internal::store {
namespace {

constexpr int k_count = 20;
constexpr std::uint64_t k_object_bytes = 5'000;

class LongCheck : public LarderTest {
protected:
    LongCheck() {
        store_.reset();
        store_ = machine_of_clock_.must_open(larder());
        for (int i = 0; i < k_count; ++i) EXPECT_TRUE(publish(blob(std::to_string(i))));
    }

    // Ends once `calls` calls of its progress were made; time passes between them.
    VerifyReport verify(int calls, const VerifyOptions& options) {
        const auto report = store_->verify(
            {},
            [&](const Progress&) {
                clock_.advance(std::chrono::seconds(2));
                return --calls < 0 ? Continue::no : Continue::yes;
            },
            options);
        EXPECT_TRUE(report);
        return report.value_or(VerifyReport{});
    }
    VerifyReport verify(const VerifyOptions& options) { return verify(1'000, options); }

    support::FakeClock clock_;
    Machine machine_of_clock_{*fs_, &clock_};
    state::State state_{machine_of_clock_.system(), machine_of_clock_.log(), directory_ / "state"};
    VerifyOptions with_journal_{0, &state_};
};

TEST_F(LongCheck, IsGoneOnWithWhereItWasInterrupted) {
    const auto first = verify(5, with_journal_);
    EXPECT_FALSE(first.complete);
    EXPECT_EQ(first.objects, 5U);
    const auto second = verify(with_journal_);
    EXPECT_TRUE(second.complete);
    EXPECT_EQ(second.objects_before, 5U);
    EXPECT_EQ(second.objects, 15U);
    const auto third = verify(with_journal_);
    EXPECT_EQ(third.objects_before, 0U) << "what came to its end begins anew";
    EXPECT_EQ(third.objects, 20U);
}

TEST_F(LongCheck, IsGoneOnWithWhereItWasKilled) {
    std::size_t noted = 0;
    static_cast<void>(store_->verify(
        {},
        [&](const Progress&) {
            clock_.advance(std::chrono::seconds(2));
            noted = state_.checked(store_->id()).size();
            return Continue::yes;
        },
        with_journal_));
    // The state at the last call is the state that a process killed there would leave.
    EXPECT_GE(noted, 18U);
    EXPECT_TRUE(state_.checked(store_->id()).empty());
}

TEST_F(LongCheck, WhatWasWholeLongAgoIsReadAgain) {
    EXPECT_FALSE(verify(5, with_journal_).complete);
    clock_.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(verify(with_journal_).objects, 20U);
}

TEST_F(LongCheck, FindsDamageInWhatIsLeftToRead) {
    EXPECT_FALSE(verify(5, with_journal_).complete);
    const auto before = state_.checked(store_->id());
    for (int i = 0; i < k_count; ++i) {
        const auto object = store_->find(key_of(std::to_string(i))).manifest->parts[0].object;
        support::flip_byte(path_of(object), 1);
    }
    EXPECT_EQ(verify(with_journal_).findings.size(), 15U);
    EXPECT_EQ(before.size(), 5U);
    EXPECT_EQ(verify(with_journal_).findings.size(), 5U);
}

TEST_F(LongCheck, OfGivenEntriesOrWithoutAJournalBeginsAtTheStart) {
    EXPECT_FALSE(verify(5, with_journal_).complete);
    const auto key = key_of("7");
    EXPECT_EQ(store_->verify({&key, 1}, {}, with_journal_)->objects, 1U);
    EXPECT_EQ(verify({}).objects, 20U);
    EXPECT_EQ(verify(with_journal_).objects_before, 5U);
}

TEST_F(LongCheck, KeepsToItsRate) {
    const auto started = clock_.monotonic();
    const auto report = store_->verify({}, {}, {1'000, nullptr});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->bytes, k_count * k_object_bytes);
    EXPECT_GE(clock_.monotonic() - started, std::chrono::seconds(100));
}

TEST_F(LongCheck, CanBeEndedWhileItWaits) {
    int calls = 0;
    const auto tell = [&](const Progress&) { return ++calls < 3 ? Continue::yes : Continue::no; };
    const auto report = store_->verify({}, tell, {1, nullptr});
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->complete);
    EXPECT_EQ(calls, 3);
}

class SharedDamage : public LarderTest {};

TEST_F(SharedDamage, IsToldOfEveryEntryWithWhatItWas) {
    ASSERT_TRUE(publish(blob_of("x", "same")));
    const auto manifest = *publish(blob_of("y", "same"));
    ASSERT_TRUE(publish(blob("z")));
    support::flip_byte(path_of(manifest.parts[0].object), 1);
    const auto report = store_->verify({});
    ASSERT_TRUE(report);
    ASSERT_EQ(report->findings.size(), 2U);
    std::vector<Key> keys;
    for (const auto& finding : report->findings) {
        EXPECT_EQ(finding.damage, Damage::damaged);
        ASSERT_TRUE(finding.manifest);
        EXPECT_EQ(finding.manifest->key, finding.key);
        keys.push_back(*finding.key);
    }
    EXPECT_TRUE(std::ranges::is_permutation(keys, std::vector{key_of("x"), key_of("y")}));
}

}  // namespace
}  // namespace larder::internal::store
