#include "openvino/warm_up.h"

#include <algorithm>
#include <cstring>

#include <openvino/runtime/infer_request.hpp>

namespace larder::internal::openvino {
namespace {

ov::Shape shortest_shape(const ov::PartialShape& shape) {
    if (shape.rank().is_dynamic()) return ov::Shape{1};
    ov::Shape shortest;
    for (const auto& dimension : shape) {
        const auto length = std::max<ov::Dimension::value_type>(dimension.get_min_length(), 1);
        shortest.push_back(static_cast<std::size_t>(length));
    }
    return shortest;
}

}  // namespace

Result<void> warm_up(ov::CompiledModel& model, std::chrono::nanoseconds limit) {
    const auto inputs = model.inputs();
    const auto is_fixed = [](const auto& input) { return input.get_partial_shape().is_static(); };
    if (std::ranges::all_of(inputs, is_fixed)) return {};
    auto request = model.create_infer_request();
    for (const auto& input : inputs) {
        // The request's own: of one that was set, the CPU plugin of 2026.4.1 goes on using the
        // memory when it is gone.
        auto tensor = request.get_tensor(input);
        tensor.set_shape(shortest_shape(input.get_partial_shape()));
        if (input.get_element_type() != ov::element::string) {
            std::memset(tensor.data(), 0, tensor.get_byte_size());
        }
    }
    request.start_async();
    if (request.wait_for(std::chrono::duration_cast<std::chrono::milliseconds>(limit))) return {};
    request.cancel();
    try {
        request.wait();
    } catch (const std::exception&) {
        // It says that it was cancelled.
        return fail(Errc::unsupported, "the first inference takes too long");
    }
    return {};
}

}  // namespace larder::internal::openvino
