// Writes minimal ONNX models for a parser, and any other message of protocol buffers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::model_files {

[[nodiscard]] std::string varint(std::uint64_t value);
// Fields, each with its tag.
[[nodiscard]] std::string number_field(std::uint32_t number, std::uint64_t value);
[[nodiscard]] std::string sized_field(std::uint32_t number, std::string_view bytes);

struct External {
    std::string location;
    std::optional<std::uint64_t> offset = {};
    std::optional<std::uint64_t> length = {};
};
// TensorProto messages.
[[nodiscard]] std::string external_tensor(const External& external);
[[nodiscard]] std::string raw_tensor(std::string_view data);

// GraphProto with initializers.
[[nodiscard]] std::string graph(const std::vector<std::string>& tensors);
// NodeProto with one attribute, which holds `message` in its field `number`.
[[nodiscard]] std::string node(std::uint32_t number, std::string_view message);
// ModelProto around a GraphProto.
[[nodiscard]] std::string onnx_model(std::string_view graph);

// A model with tensors in every possible place, each referring to a file named after it.
[[nodiscard]] std::string onnx_model_of_everything();

}  // namespace larder::internal::model_files
