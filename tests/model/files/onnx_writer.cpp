#include "model_files/onnx_writer.h"

namespace larder::internal::model_files {
namespace {

std::string entry(std::string_view key, std::string_view value) {
    return sized_field(13, sized_field(1, key) + sized_field(2, value));
}

}  // namespace

std::string varint(std::uint64_t value) {
    std::string bytes;
    while (value >= 0x80) {
        bytes += static_cast<char>((value & 0x7f) | 0x80);
        value >>= 7;
    }
    bytes += static_cast<char>(value);
    return bytes;
}

std::string number_field(std::uint32_t number, std::uint64_t value) {
    return varint(std::uint64_t{number} << 3) + varint(value);
}

std::string sized_field(std::uint32_t number, std::string_view bytes) {
    return varint((std::uint64_t{number} << 3) | 2) + varint(bytes.size()) + std::string(bytes);
}

std::string external_tensor(const External& external) {
    std::string tensor = number_field(1, 4) + number_field(2, 1) + sized_field(8, "weights");
    tensor += entry("location", external.location);
    if (external.offset) tensor += entry("offset", std::to_string(*external.offset));
    if (external.length) tensor += entry("length", std::to_string(*external.length));
    return tensor + number_field(14, 1);
}

std::string raw_tensor(std::string_view data) {
    return number_field(1, data.size()) + number_field(2, 2) + sized_field(8, "weights") +
           sized_field(9, data);
}

std::string graph(const std::vector<std::string>& tensors) {
    std::string bytes = sized_field(2, "graph");
    for (const auto& tensor : tensors) bytes += sized_field(5, tensor);
    return bytes;
}

std::string node(std::uint32_t number, std::string_view message) {
    const auto attribute = sized_field(1, "value") + sized_field(number, message);
    return sized_field(4, "Constant") + sized_field(5, attribute);
}

std::string onnx_model(std::string_view graph) {
    return number_field(1, 8) + sized_field(2, "tests") + sized_field(7, graph) +
           sized_field(8, sized_field(1, "") + number_field(2, 17));
}

std::string onnx_model_of_everything() {
    const auto tensor = [](std::string_view location) {
        return external_tensor({std::string(location)});
    };
    const auto sparse = sized_field(1, tensor("sparse_values")) +
                        sized_field(2, tensor("sparse_indices")) + number_field(3, 4);
    std::string top = graph({tensor("initializer"), raw_tensor("inside"), tensor("initializer")});
    top += sized_field(1, node(5, tensor("t")));
    top += sized_field(1, node(10, tensor("tensors")));
    top += sized_field(1, node(6, graph({tensor("g")})));
    top += sized_field(1, node(11, graph({tensor("graphs")})));
    top += sized_field(1, node(22, sized_field(1, tensor("sparse_tensor"))));
    top += sized_field(1, node(23, sized_field(1, tensor("sparse_tensors"))));
    top += sized_field(15, sparse);
    auto model = onnx_model(top);
    model += sized_field(25, sized_field(1, "function") + sized_field(7, node(5, tensor("node"))) +
                                 sized_field(11, sized_field(5, tensor("attribute_default"))));
    // Not read for inference: its file need not exist.
    model += sized_field(20, sized_field(1, graph({tensor("training")})));
    return model;
}

}  // namespace larder::internal::model_files
