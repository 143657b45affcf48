#include "model/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model_files/gguf_writer.h"
#include "model_files/onnx_writer.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;

Content recognise(const std::string& bytes) {
    MemorySource source(std::as_bytes(std::span(bytes)));
    auto content = recognise_content(source, OnnxDoubt::other);
    EXPECT_TRUE(content) << content.error().message();
    return content ? *content : Content{};
}

TEST(Content, IsTheSameAfterItWasRemembered) {
    const std::string odd = "a b\nc 1 2\n";
    const auto onnx = files::onnx_model(
        files::graph({files::external_tensor({odd, 1, 2}), files::external_tensor({"w"})}));
    for (const auto& bytes : {std::string(), std::string("other"), std::string("<net >"), onnx,
                              files::gguf_shard(2, 5).bytes(), std::string("\0\0\0\0TFL3", 8),
                              std::string("{\"base_code\":{\"magic\":\"pir\"")}) {
        const auto content = recognise(bytes);
        EXPECT_EQ(content_from_text(to_text(content)), content);
    }
    ASSERT_EQ(recognise(onnx).onnx.external_files.size(), 2U);
    EXPECT_EQ(recognise(onnx).onnx.external_files[0], (ExternalFile{odd, 3}));
}

TEST(Content, OfATextThatMakesNoSenseIsNothing) {
    const auto whole = to_text(
        recognise(files::onnx_model(files::graph({files::external_tensor({"weights", 1, 2})}))));
    EXPECT_EQ(whole, "onnx\n3 7 weights\n");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        if (size == std::string("onnx\n").size()) continue;
        EXPECT_FALSE(content_from_text(whole.substr(0, size))) << size;
    }
    for (const std::string_view text :
         {"onnx\n3 6 weights\n", "onnx\n3 8 weights\n", "onnx\n-3 7 weights\n", "onnx\n3 7  \n",
          "onnx\n3 18446744073709551615 weights\n", "gguf\n", "gguf\n0 1", "gguf\n0 1\n1",
          "gguf\n0 99999999999\n", "IR\n", "ir", "ir\nmore", "\n"}) {
        EXPECT_FALSE(content_from_text(text)) << text;
    }
}

TEST(Content, ThatBeginsLikeOnnxIsDamagedOnlyIfItShouldBeOne) {
    const std::string bytes = "\x08\x07\xff";
    MemorySource source(std::as_bytes(std::span(bytes)));
    EXPECT_EQ(recognise_content(source, OnnxDoubt::other)->kind, ContentKind::other);
    const auto damaged = recognise_content(source, OnnxDoubt::damaged);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, Errc::damaged);
}

}  // namespace
}  // namespace larder::internal::model
