#include "asker_outputs.h"

#include <cstdint>
#include <cstring>
#include <sstream>

#include <openvino/openvino.hpp>

namespace larder::testing {
namespace {

void fill(ov::Tensor& tensor) {
    if (tensor.get_element_type() != ov::element::f32) {
        std::memset(tensor.data(), 0, tensor.get_byte_size());
        return;
    }
    auto* values = tensor.data<float>();
    for (std::size_t i = 0; i < tensor.get_size(); ++i) {
        values[i] = std::sin(static_cast<float>(i) * 0.37F);
    }
}

std::uint64_t fnv(const void* data, std::size_t size, std::uint64_t hash) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
    return hash;
}

}  // namespace

std::string digest_of_outputs(ov::CompiledModel& compiled) {
    auto request = compiled.create_infer_request();
    std::ostringstream text;
    for (std::size_t i = 0; i < compiled.inputs().size(); ++i) {
        const auto port = compiled.input(i);
        // Dynamic dimensions become 1: the GGUF models run with no other value.
        ov::Shape shape;
        for (const auto& dimension : port.get_partial_shape()) {
            shape.push_back(dimension.is_static() ? static_cast<std::size_t>(dimension.get_length())
                                                  : std::size_t{1});
        }
        ov::Tensor tensor(port.get_element_type(), shape);
        fill(tensor);
        request.set_input_tensor(i, tensor);
    }
    request.infer();
    for (std::size_t i = 0; i < compiled.outputs().size(); ++i) {
        const auto tensor = request.get_output_tensor(i);
        text << tensor.get_shape() << std::hex
             << fnv(tensor.data(), tensor.get_byte_size(), 0xcbf29ce484222325ULL) << ' ';
    }
    return text.str();
}

}  // namespace larder::testing
