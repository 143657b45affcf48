// Goal: no damage to a file makes a parser crash, loop, or ask for memory. Method: thousands of
// seeded mutations of small models; the sanitizers and the test's time limit judge.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model/content.h"
#include "model/gguf_outline.h"
#include "model/ir_outline.h"
#include "model/onnx_outline.h"
#include "model_files/gguf_writer.h"
#include "model_files/mutate.h"
#include "model_files/onnx_writer.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;

constexpr int k_cases = 10000;

// Counts the bytes that a parser reads, to detect repeated reads of the same bytes.
class CountedSource final : public ByteSource {
public:
    explicit CountedSource(const std::string& bytes) : memory_(std::as_bytes(std::span(bytes))) {}

    std::uint64_t size_bytes() const override { return memory_.size_bytes(); }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
        read_bytes_ += buffer.size();
        return memory_.read_at(offset, buffer);
    }
    [[nodiscard]] std::uint64_t read_bytes() const { return read_bytes_; }

private:
    MemorySource memory_;
    std::uint64_t read_bytes_ = 0;
};

template <typename Parse>
int count_accepted(const std::vector<std::string>& seeds, const Parse& parse) {
    int accepted = 0;
    for (int i = 0; i < k_cases; ++i) {
        std::mt19937_64 random(static_cast<std::uint64_t>(i));
        const auto seed = static_cast<std::size_t>(i) % seeds.size();
        const auto bytes = files::mutate(seeds[seed], random);
        SCOPED_TRACE("case " + std::to_string(i));
        CountedSource source(bytes);
        if (parse(source)) ++accepted;
        // A jump forward may read up to one window again for every parsed byte.
        EXPECT_LE(source.read_bytes(), (bytes.size() + 1) * (std::uint64_t{4} << 10));
        if (testing::Test::HasFailure()) break;
    }
    return accepted;
}

TEST(Mutation, OfOnnxIsHarmless) {
    const std::vector<std::string> seeds = {
        files::onnx_model_of_everything(),
        files::onnx_model(files::graph({files::external_tensor({"w.bin", 4096, 1 << 20}),
                                        files::raw_tensor(std::string(300, 'x'))}))};
    const auto accepted = count_accepted(seeds, [](ByteSource& source) {
        const auto outline = read_onnx_outline(source);
        if (!outline) return false;
        for (const auto& file : outline->external_files) {
            EXPECT_FALSE(file.location.empty());
            EXPECT_EQ(normal_location(file.location).find(".."), std::string::npos);
        }
        return true;
    });
    // Mutations that all fail immediately would prove nothing.
    EXPECT_GT(accepted, k_cases / 100);
    EXPECT_LT(accepted, k_cases);
}

TEST(Mutation, OfGgufIsHarmless) {
    const std::vector<std::string> seeds = {files::small_gguf().bytes(),
                                            files::gguf_shard(1, 3).bytes()};
    const auto accepted = count_accepted(seeds, [](ByteSource& source) {
        const auto outline = read_gguf_outline(source);
        if (outline) {
            EXPECT_LT(outline->shard, outline->shard_count);
        }
        return outline.has_value();
    });
    EXPECT_GT(accepted, k_cases / 100);
    EXPECT_LT(accepted, k_cases);
}

TEST(Mutation, OfAnyContentIsHarmless) {
    const std::vector<std::string> seeds = {
        files::onnx_model_of_everything(), files::small_gguf().bytes(),
        "<?xml version=\"1.0\"?><!-- a --><net name=\"x\"><layer type=\"Const\"/></net>",
        "{\"base_code\":{\"magic\":\"pir\"}}", std::string("\0\0\0\0TFL3", 8)};
    count_accepted(seeds, [](ByteSource& source) {
        const auto content = recognise_content(source, OnnxDoubt::damaged);
        EXPECT_TRUE(has_constants(source));
        if (!content) return false;
        EXPECT_EQ(content_from_text(to_text(*content)), *content);
        return true;
    });
}

TEST(Mutation, OfWhatWasRememberedIsHarmless) {
    const std::string text = "onnx\n3 7 weights\n12 3 abc\n";
    for (int i = 0; i < k_cases; ++i) {
        std::mt19937_64 random(static_cast<std::uint64_t>(i));
        const auto content = content_from_text(files::mutate(text, random));
        if (content) {
            EXPECT_EQ(content_from_text(to_text(*content)), *content);
        }
    }
}

}  // namespace
}  // namespace larder::internal::model
