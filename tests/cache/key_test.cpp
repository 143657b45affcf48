// Goal: everything that decides a blob according to the runtime is in the key. Method: two requests
// of a fake runtime that differ in one value.
#include "cache/identify/key.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "cache/attempt/serve.h"
#include "support/fake_runtime.h"
#include "support/mapped_memory.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

class KeyTest : public ::testing::Test {
protected:
    KeyTest() {
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
        support::write_file(file_, "content");
        // A file of a kind that larder recognises.
        support::write_file(model_, "<?xml version=\"1.0\"?><net name=\"x\" version=\"11\"></net>");
    }

    Result<Identified> identified(const ModelReference& reference) {
        Session session(real_.system(), log_, config_);
        support::FakeRequest request(device_, "x");
        Timing timing;
        return identify(session, request, reference, timing);
    }
    format::KeyInputs inputs(const ModelReference& reference) {
        auto found = identified(reference);
        EXPECT_TRUE(found.has_value());
        return found ? found->inputs : format::KeyInputs{};
    }
    ModelReference in_memory() const {
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        return reference;
    }
    ModelReference by_path() const {
        ModelReference reference;
        reference.path = model_;
        return reference;
    }

    support::TemporaryDirectory directory_;
    std::string file_ = directory_ / "file";
    std::string model_ = directory_ / "model.xml";
    os::RealSystem real_;
    Log log_{LogLevel::error, [](LogLevel, std::string_view) {}};
    Config config_;
    support::FakeDevice device_;
};

// Blobs of these are likely to have bytes in common.
TEST_F(KeyTest, ModelsOfOneGraphOrOfTheSameWeightsAreAFamily) {
    const auto xml = [](const std::string& name) {
        return "<net name=\"" + name +
               R"(" version="11"><layers><layer id="0" name="c" type="Const"/></layers></net>)";
    };
    const auto families = [&](const std::string& text, char weights) {
        support::write_file(model_, text);
        support::write_file(directory_ / "model.bin", std::string(100'000, weights));
        const auto found = identified(by_path());
        EXPECT_TRUE(found) << found.error().message();
        return found ? found->families : std::vector<Digest>{};
    };
    const auto in_common = [](const std::vector<Digest>& a, const std::vector<Digest>& b) {
        return std::ranges::count_if(
            a, [&](const Digest& each) { return std::ranges::find(b, each) != b.end(); });
    };
    const auto first = families(xml("a"), 'x');
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(in_common(first, families(xml("b"), 'x')), 1) << "reshaped";
    EXPECT_EQ(in_common(first, families(xml("a"), 'y')), 1) << "tuned";
    EXPECT_EQ(in_common(first, families(xml("b"), 'y')), 0);
    EXPECT_EQ(in_common(first, families(xml("a"), 'x')), 2);
    device_.inputs["device.name"] = "OTHER";
    EXPECT_EQ(in_common(first, families(xml("a"), 'x')), 0);
}

TEST_F(KeyTest, FileAndItsGraphHaveAFamilyInCommonHoweverTheConstantsEnd) {
    const auto families = [&](const ModelReference& reference, char beginning, char end) {
        const auto constant = std::string(70'000, beginning) + std::string(30'000, end);
        const auto small = std::string(60'000, 's');
        device_.weights = {std::as_bytes(std::span(small)), std::as_bytes(std::span(constant))};
        Session session(real_.system(), log_, config_);
        support::FakeRequest request(device_, "x");
        Identified found;
        Timing timing;
        found = identify(session, request, reference, timing).value_or(std::move(found));
        found.families.clear();
        add_family_of_graph(session, request, found);
        return found.families;
    };
    const auto of_file = families(by_path(), 'a', 'b');
    ASSERT_EQ(of_file.size(), 1U);
    EXPECT_EQ(families(in_memory(), 'a', 'b'), of_file);
    EXPECT_EQ(families(in_memory(), 'a', 'c'), of_file) << "tuned";
    EXPECT_NE(families(in_memory(), 'c', 'b'), of_file);
    device_.inputs["device.name"] = "OTHER";
    EXPECT_NE(families(by_path(), 'a', 'b'), of_file);
}

TEST_F(KeyTest, CodeIsKnownByItsContent) {
    const support::MappedMemory mapped(file_, MAP_PRIVATE);
    const auto address = reinterpret_cast<std::uintptr_t>(mapped.bytes().data());
    device_.code = {{"mine.so", address}, {"mine.so", address}};
    const auto found = inputs(in_memory());
    ASSERT_TRUE(found.contains("library.mine.so"));
    EXPECT_EQ(found.at("library.mine.so").size(), 2 * Digest::k_size_bytes)
        << "one file, told twice";
    support::write_file(file_, "CONTENT");
    EXPECT_NE(inputs(in_memory()).at("library.mine.so"), found.at("library.mine.so"));
}

TEST_F(KeyTest, CodeOfTheModelCountsWhereTheGraphIsAsked) {
    const support::MappedMemory mapped(file_, MAP_PRIVATE);
    device_.code_of_model = {{"mine.so", reinterpret_cast<std::uintptr_t>(mapped.bytes().data())}};
    EXPECT_TRUE(inputs(in_memory()).contains("library.mine.so"));
    EXPECT_FALSE(inputs(by_path()).contains("library.mine.so"));
    device_.model_content = runtime::ModelContent::graph;
    EXPECT_TRUE(inputs(by_path()).contains("library.mine.so"));
}

TEST_F(KeyTest, CodeWithoutAFileIsAReasonToBypass) {
    const auto memory = std::make_unique<int>(1);
    device_.code = {{"mine.so", reinterpret_cast<std::uintptr_t>(memory.get())}};
    const auto found = identified(in_memory());
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code, Errc::unsupported);
}

TEST_F(KeyTest, PathIsAskedForItsGraphWhereItsFilesDoNotTell) {
    const auto files = identified(by_path());
    ASSERT_TRUE(files.has_value()) << files.error().message();
    EXPECT_TRUE(files->inputs.at("model.fingerprint").starts_with("files:"));
    device_.model_content = runtime::ModelContent::graph;
    const auto graph = identified(by_path());
    ASSERT_TRUE(graph.has_value());
    EXPECT_TRUE(graph->inputs.at("model.fingerprint").starts_with("memory:"));
    EXPECT_EQ(graph->model.path, model_) << "people know it by its file";
    EXPECT_EQ(graph->inputs.at("model.fingerprint"), inputs(in_memory()).at("model.fingerprint"));
}

TEST_F(KeyTest, FileThatAPropertyNamesIsKnownByItsContent) {
    device_.files = {{"property.PLAN.content", file_}, {"property.OTHER.content", "/no/such/file"}};
    const auto found = inputs(in_memory());
    ASSERT_TRUE(found.contains("property.PLAN.content"));
    EXPECT_FALSE(found.contains("property.OTHER.content"));
    support::write_file(file_, "CONTENT");
    EXPECT_NE(inputs(in_memory()).at("property.PLAN.content"), found.at("property.PLAN.content"));
}

}  // namespace
}  // namespace larder::internal::cache
