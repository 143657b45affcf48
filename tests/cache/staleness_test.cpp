// cache/stale/staleness.h: which entries nobody will ask for again.
#include "cache/stale/staleness.h"

#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "format/shared_inputs.h"

namespace larder::internal::cache {
namespace {

using format::KeyInputs;
using std::chrono::hours;
using std::chrono::nanoseconds;

constexpr std::int64_t k_now_ns = nanoseconds(hours(24 * 365)).count();

std::int64_t days_ago(int days) { return k_now_ns - nanoseconds(hours(24 * days)).count(); }

// A machine with a CPU, and a runtime of some build.
class FakeFacts final : public Machine {
public:
    explicit FakeFacts(const std::string& build) {
        devices["CPU"] = {{"device.name", "CPU"},
                          {"device.FULL_DEVICE_NAME", "a processor"},
                          {"runtime.openvino", build}};
    }
    const KeyInputs& inputs(const KeyInputs& kept) override {
        return devices[kept.at("device.name")];
    }
    bool refuses(const std::string& /*device*/, const std::string& requirements) override {
        return requirements == "refused";
    }
    std::string openvino() override { return "1"; }
    bool accepts(const std::string& /*runtime_info*/) override { return true; }

    std::map<std::string, KeyInputs> devices;
};

class StalenessTest : public ::testing::Test {
protected:
    // An entry of one model on the CPU, compiled by a build of the runtime that number of days ago.
    void add(const std::string& build, int created_days_ago, KeyInputs others = {}) {
        auto& inputs = inputs_.emplace_back(std::move(others));
        inputs.emplace("model.fingerprint", "files:1");
        inputs.emplace("device.name", "CPU");
        inputs.emplace("device.FULL_DEVICE_NAME", "a processor");
        inputs.emplace("runtime.openvino", build);
        inputs.emplace("property.PRECISION", "f32");
        KeptEntry entry;
        entry.key = keys_.emplace_back(64, static_cast<char>('a' + inputs_.size()));
        entry.created_at_ns = days_ago(created_days_ago);
        entries_.push_back(entry);
    }
    // "-": not stale; otherwise the reason, in capitals if it is certain.
    std::string verdicts(Machine* facts = nullptr) {
        std::vector<std::shared_ptr<const KeyInputs>> built_for;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            built_for.push_back(format::SharedInputs().of_build(inputs_[i]));
            entries_[i].built_for = built_for.back().get();
            entries_[i].fingerprint = inputs_[i].at("model.fingerprint");
        }
        found_ = judge(entries_, [&](std::size_t i) { return inputs_[i]; }, facts, k_now_ns);
        std::string text;
        for (const auto& stale : found_) {
            std::string word = "-";
            if (stale)
                word = std::string("gcsi").substr(static_cast<std::size_t>(stale->reason), 1);
            if (stale && stale->certain) word[0] = static_cast<char>(std::toupper(word[0]));
            text += word;
        }
        return text;
    }

    std::vector<KeyInputs> inputs_;
    std::deque<std::string> keys_;
    std::vector<KeptEntry> entries_;
    std::vector<std::optional<Staleness>> found_;
};

TEST_F(StalenessTest, EntryOfOlderLarderIsIncompatible) {
    add("1", 3);
    add("1", 3, {{"runtime.larder", "2"}});
    FakeFacts facts("1");
    EXPECT_EQ(verdicts(&facts), "--");
    facts.devices["CPU"]["runtime.larder"] = "2";
    EXPECT_EQ(verdicts(&facts).substr(1), "-");
    ASSERT_TRUE(found_[0]);
    EXPECT_NE(found_[0]->detail.find("runtime.larder was not told, is '2'"), std::string::npos)
        << found_[0]->detail;
}

// Two devices with one name.
class FactsOfTwoDevices final : public Machine {
public:
    const KeyInputs& inputs(const KeyInputs& kept) override {
        const auto found = devices.find(kept.at("device.UNITS"));
        return found == devices.end() ? devices.begin()->second : found->second;
    }
    bool refuses(const std::string& /*device*/, const std::string& /*requirements*/) override {
        return false;
    }
    std::string openvino() override { return "1"; }
    bool accepts(const std::string& /*runtime_info*/) override { return true; }

    std::map<std::string, KeyInputs> devices;
};

TEST_F(StalenessTest, EntriesOfTwoDevicesOfOneNameDoNotSupersedeEachOther) {
    FactsOfTwoDevices facts;
    for (const auto* const units : {"24", "96"}) {
        facts.devices[units] = {{"device.name", "CPU"},
                                {"device.FULL_DEVICE_NAME", "a processor"},
                                {"device.UNITS", units},
                                {"runtime.openvino", "1"}};
    }
    add("1", 30, {{"device.UNITS", "24"}});
    add("1", 20, {{"device.UNITS", "96"}});
    EXPECT_EQ(verdicts(&facts), "--");
    // One was removed: its entry is useless on this machine.
    facts.devices.erase("24");
    EXPECT_EQ(verdicts(&facts).substr(1), "-");
    EXPECT_NE(verdicts(&facts).substr(0, 1), "-");
}

TEST_F(StalenessTest, EntryOfAnotherKindOfRuntimeIsLeft) {
    add("1", 3);
    inputs_.front().erase("runtime.openvino");
    inputs_.front()["runtime.host"] = "7";
    FakeFacts facts("1");
    EXPECT_EQ(verdicts(&facts), "-");
}

TEST_F(StalenessTest, ModelsTellFirst) {
    for (int i = 0; i < 4; ++i) add("1", 1);
    entries_[0].model = {Whereabouts::gone, "/m.xml"};
    entries_[1].model = {Whereabouts::changed, "/m.xml"};
    entries_[2].model = {Whereabouts::unchanged, "/m.xml"};
    entries_[3].model = {Whereabouts::unknown, {}};
    EXPECT_EQ(verdicts(), "GC--");
    EXPECT_EQ(found_[0]->detail, "'/m.xml' is gone");
    EXPECT_EQ(found_[1]->detail, "'/m.xml' has other content");
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "GCii");
}

TEST_F(StalenessTest, AnotherBuildIsIncompatibleAndCertainOnceNobodyUsesItForTwoWeeks) {
    add("1", 13);
    add("1", 14);
    add("1", 30);
    entries_[2].last_used_at_ns = days_ago(13);
    add("2", 30);
    inputs_[3]["model.fingerprint"] = "files:2";
    EXPECT_EQ(verdicts(), "----") << "without a runtime to ask";
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "iIi-");
    EXPECT_EQ(found_[0]->detail, "runtime.openvino was '1', is '2'");
}

TEST_F(StalenessTest, WhatTheRuntimeRefusesIsIncompatible) {
    add("2", 1);
    entries_[0].requirements = "refused";
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "i");
    EXPECT_NE(found_[0]->detail.find("refuse"), std::string::npos);
}

TEST_F(StalenessTest, AnEntryForADeviceThatIsNotHereIsNotStale) {
    add("1", 100, {{"device.name", "GPU"}});
    add("1", 100, {{"device.name", "HETERO:GPU,CPU"}, {"device.GPU.FULL_DEVICE_NAME", "a card"}});
    FakeFacts facts("2");
    facts.devices["HETERO:GPU,CPU"] = facts.devices["CPU"];
    EXPECT_EQ(verdicts(&facts), "--");
    facts.devices["GPU"] = facts.devices["CPU"];
    facts.devices["GPU"]["device.FULL_DEVICE_NAME"] = "another card";
    EXPECT_EQ(verdicts(&facts), "I-");
}

TEST_F(StalenessTest, ProcessorThatTellsItsInstructionSetsNeedsNoName) {
    add("1", 100, {{"device.INSTRUCTION_SETS", "avx2"}});
    FakeFacts facts("2");
    facts.devices["CPU"].erase("device.FULL_DEVICE_NAME");
    EXPECT_EQ(verdicts(&facts), "-") << "as if there were no such device";
    facts.devices["CPU"]["device.INSTRUCTION_SETS"] = "avx2";
    EXPECT_EQ(verdicts(&facts), "I");
}

TEST_F(StalenessTest, WhatIsKeptAnewForTheRuntimeHereIsSuperseded) {
    add("1", 5);
    add("2", 3);
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "s-");
    EXPECT_EQ(found_[0]->detail, "replaced by " + std::string(entries_[1].key.substr(0, 12)) +
                                     ": runtime.openvino was '1', is '2'");
    entries_[0].created_at_ns = days_ago(50);
    EXPECT_EQ(verdicts(&facts), "S-");
    FakeFacts old("1");
    EXPECT_EQ(verdicts(&old), "-i") << "this machine still has the old build";
    FakeFacts other("3");
    EXPECT_EQ(verdicts(&other), "Ii") << "nor does the newer one fit here";
}

TEST_F(StalenessTest, WhatWasUsedSinceIsNotSuperseded) {
    add("1", 50);
    add("2", 30);
    entries_[0].last_used_at_ns = days_ago(20);
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "I-") << "a program with another runtime had use for it";
    entries_[0].last_used_at_ns.reset();
    entries_[0].used_anywhere_at_ns = days_ago(10);
    EXPECT_EQ(verdicts(&facts), "i-") << "another machine has";
}

TEST_F(StalenessTest, WithoutARuntimeUseOnThisMachineTellsWhatFitsHere) {
    add("1", 50);
    add("2", 30);
    EXPECT_EQ(verdicts(), "--");
    entries_[1].last_used_at_ns = days_ago(1);
    EXPECT_EQ(verdicts(), "S-");
}

TEST_F(StalenessTest, WhatAnotherOpenVinoOfThisMachineTakesIsNotStale) {
    add("1", 50);
    add("2", 30);
    add("1", 50, {{"model.fingerprint", "files:2"}});
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "S-I");
    entries_[0].asked_for_here = true;
    entries_[2].asked_for_here = true;
    EXPECT_EQ(verdicts(&facts), "---");
    entries_[1].last_used_at_ns = days_ago(1);
    EXPECT_EQ(verdicts(), "---") << "without a runtime to ask";
}

TEST_F(StalenessTest, WhatWasAskedForBeforeADriverOfTheSameOpenVinoChangedIsStale) {
    add("2", 1, {{"device.DRIVER", "old"}});
    entries_[0].asked_for_here = true;
    FakeFacts facts("2");
    facts.devices["CPU"]["device.DRIVER"] = "new";
    EXPECT_EQ(verdicts(&facts), "i");
}

TEST_F(StalenessTest, FactsAreThoseOfTheDeviceAndTheRuntime) {
    const KeyInputs inputs{{"device.name", "CPU"}, {"runtime.openvino", "1"}};
    auto others = inputs;
    others["property.PRECISION"] = "f16";
    others["model.fingerprint"] = "files:1";
    EXPECT_EQ(facts_digest(inputs), facts_digest(others));
    others["device.DRIVER"] = "new";
    EXPECT_NE(facts_digest(inputs), facts_digest(others));
    EXPECT_NE(facts_digest({{"runtime.openvino", "2"}}), facts_digest({{"runtime.openvino", "1"}}));
}

TEST_F(StalenessTest, OnlyTheSameModelDeviceAndPropertiesSupersede) {
    add("1", 50);
    add("2", 30, {{"property.PRECISION", "f16"}});
    add("2", 30, {{"model.fingerprint", "files:2"}});
    add("2", 30, {{"device.name", "HETERO:CPU"}});
    FakeFacts facts("2");
    facts.devices["HETERO:CPU"] = facts.devices["CPU"];
    EXPECT_EQ(verdicts(&facts), "I---");
    add("2", 20);
    EXPECT_EQ(verdicts(&facts), "S----");
}

TEST_F(StalenessTest, APropertyThatOnlyTheNewerBuildKnowsMakesNoDifference) {
    add("1", 50);
    add("2", 30, {{"property.NEW", "default"}});
    add("2", 31, {{"property.NEW", "default"}, {"property.PRECISION", "f16"}});
    FakeFacts facts("2");
    EXPECT_EQ(verdicts(&facts), "S--");
    EXPECT_NE(found_[0]->detail.find(entries_[1].key.substr(0, 12)), std::string::npos);
}

TEST_F(StalenessTest, AreJudgedInLittleTime) {
    constexpr int k_entries = 4'000;
    for (int i = 0; i < k_entries; ++i) {
        add(i % 2 == 0 ? "1" : "2", 50 - i % 2, {{"property.SHAPE", std::to_string(i / 2)}});
    }
    FakeFacts facts("2");
    const auto text = verdicts(&facts);
    EXPECT_EQ(std::count(text.begin(), text.end(), 'S'), k_entries / 2);
}

}  // namespace
}  // namespace larder::internal::cache
