#include "model/onnx_outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model_files/onnx_writer.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;
using testing::ElementsAre;
using testing::IsEmpty;

Result<OnnxOutline> onnx_outline(const std::string& bytes) {
    MemorySource source(std::as_bytes(std::span(bytes)));
    return read_onnx_outline(source);
}

std::vector<std::string> locations(const std::string& bytes) {
    const auto found = onnx_outline(bytes);
    if (!found) return {found.error().message()};
    std::vector<std::string> locations;
    for (const auto& file : found->external_files) locations.push_back(file.location);
    return locations;
}

Errc onnx_code(const std::string& bytes) {
    const auto found = onnx_outline(bytes);
    EXPECT_FALSE(found);
    return found ? Errc::io : found.error().code;
}

TEST(OnnxOutline, FindsTensorsWhereverTheyAre) {
    EXPECT_THAT(
        locations(files::onnx_model_of_everything()),
        ElementsAre("attribute_default", "g", "graphs", "initializer", "node", "sparse_indices",
                    "sparse_tensor", "sparse_tensors", "sparse_values", "t", "tensors"));
}

TEST(OnnxOutline, OfAModelWithoutExternalDataIsEmpty) {
    EXPECT_THAT(locations(files::onnx_model(files::graph({files::raw_tensor("data")}))), IsEmpty());
    // A location counts only if the tensor states that its data is external.
    const auto inside = files::external_tensor({"w"}) + files::number_field(14, 0);
    EXPECT_THAT(locations(files::onnx_model(files::graph({inside}))), IsEmpty());
}

TEST(OnnxOutline, TheLastOfRepeatedValuesCounts) {
    const auto twice =
        files::sized_field(13, files::sized_field(1, "location") + files::sized_field(2, "first")) +
        files::external_tensor({"second"});
    EXPECT_THAT(locations(files::onnx_model(files::graph({twice}))), ElementsAre("second"));
}

TEST(OnnxOutline, SaysHowFarTensorsReachIntoAFile) {
    const auto found = onnx_outline(files::onnx_model(
        files::graph({files::external_tensor({"a", 0, 16}), files::external_tensor({"a", 100, 7}),
                      files::external_tensor({"a", 3, 20}), files::external_tensor({"b", 5}),
                      files::external_tensor({"c", {}, 9})})));
    ASSERT_TRUE(found);
    EXPECT_THAT(found->external_files,
                ElementsAre(ExternalFile{"a", 107}, ExternalFile{"b", 5}, ExternalFile{"c", 9}));
}

TEST(OnnxOutline, RefusesNumbersThatOverflow) {
    EXPECT_EQ(onnx_code(files::onnx_model(
                  files::graph({files::external_tensor({"a", ~std::uint64_t{0}, 2})}))),
              Errc::damaged);
}

TEST(OnnxOutline, RefusesWhatIsNoModel) {
    EXPECT_EQ(onnx_code(""), Errc::damaged);
    EXPECT_EQ(onnx_code("plain text"), Errc::damaged);
    EXPECT_EQ(onnx_code(files::number_field(1, 8)), Errc::damaged);                // no graph
    EXPECT_EQ(onnx_code(files::sized_field(7, files::graph({}))), Errc::damaged);  // no version
    EXPECT_EQ(onnx_code(std::string(64, '\0')), Errc::damaged);
    EXPECT_EQ(onnx_code(std::string(64, '\xff')), Errc::damaged);
}

TEST(OnnxOutline, RefusesAModelCutAnywhere) {
    const auto whole = files::onnx_model(files::graph(
        {files::external_tensor({"w", 0, 4}), files::raw_tensor(std::string(50, 'x'))}));
    const auto end_of_graph = whole.size() - files::sized_field(8, "").size();
    for (std::size_t size = 0; size < end_of_graph - 4; ++size) {
        EXPECT_FALSE(onnx_outline(whole.substr(0, size))) << size;
    }
}

TEST(OnnxOutline, RefusesAnExternalTensorWithoutALocation) {
    EXPECT_EQ(onnx_code(files::onnx_model(files::graph({files::number_field(14, 1)}))),
              Errc::damaged);
    EXPECT_EQ(onnx_code(files::onnx_model(
                  files::graph({files::external_tensor({std::string(5000, 'x')})}))),
              Errc::damaged);
}

TEST(OnnxOutline, SkipsWhatItDoesNotKnow) {
    const std::string fixed = files::varint((100U << 3) | 1) + std::string(8, 'x') +
                              files::varint((101U << 3) | 5) + std::string(4, 'x');
    const std::string group = files::varint((102U << 3) | 3) + files::sized_field(7, "\xff\xff") +
                              files::varint((103U << 3) | 3) + files::varint((103U << 3) | 4) +
                              files::varint((102U << 3) | 4);
    const auto model = fixed + group + files::sized_field(99, "\xff\xff") +
                       files::onnx_model(files::graph({files::external_tensor({"w"})}));
    EXPECT_THAT(locations(model), ElementsAre("w"));
    // Of another wire type than the field has.
    EXPECT_THAT(locations(model + files::number_field(7, 1)), ElementsAre("w"));
}

TEST(OnnxOutline, RefusesGroupsThatDoNotMatch) {
    const auto model = files::onnx_model(files::graph({}));
    EXPECT_EQ(onnx_code(model + files::varint((102U << 3) | 4)), Errc::damaged);
    EXPECT_EQ(onnx_code(model + files::varint((102U << 3) | 3)), Errc::damaged);
    EXPECT_EQ(onnx_code(model + files::varint((102U << 3) | 3) + files::varint((103U << 3) | 4)),
              Errc::damaged);
}

TEST(OnnxOutline, RefusesEndlessNesting) {
    std::string graph = files::graph({files::external_tensor({"deep"})});
    for (int i = 0; i < 20; ++i) graph = files::sized_field(1, files::node(6, graph));
    EXPECT_THAT(locations(files::onnx_model(graph)), ElementsAre("deep"));
    for (int i = 0; i < 2000; ++i) graph = files::sized_field(1, files::node(6, graph));
    EXPECT_EQ(onnx_code(files::onnx_model(graph)), Errc::damaged);
    const std::string groups(100000, static_cast<char>((2 << 3) | 3));
    EXPECT_EQ(onnx_code(files::onnx_model(files::graph({})) + groups), Errc::damaged);
}

TEST(OnnxOutline, RefusesAbsurdlyManyFiles) {
    std::string graph = files::sized_field(2, "graph");
    for (int i = 0; i < 70000; ++i) {
        graph += files::sized_field(5, files::external_tensor({std::to_string(i)}));
    }
    EXPECT_EQ(onnx_code(files::onnx_model(graph)), Errc::unsupported);
}

TEST(OnnxOutline, LocationsStayInTheirDirectory) {
    EXPECT_EQ(normal_location("a"), "a");
    EXPECT_EQ(normal_location("./a//b/"), "a/b");
    EXPECT_EQ(normal_location("x/../a"), "a");
    EXPECT_EQ(normal_location("..a"), "..a");
    for (const std::string_view outside : {"", ".", "..", "/a", "../a", "a/..", "a/../../b", "/"}) {
        EXPECT_EQ(normal_location(outside), "") << outside;
    }
    EXPECT_EQ(normal_location(std::string_view("a\0b", 3)), "");
}

}  // namespace
}  // namespace larder::internal::model
