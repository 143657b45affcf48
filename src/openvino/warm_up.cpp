#include "openvino/warm_up.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include <openvino/runtime/infer_request.hpp>
#include <openvino/runtime/properties.hpp>

#include "os/system.h"

namespace larder::internal::openvino {
namespace {

ov::Shape shortest_shape(const ov::PartialShape& shape) {
    ov::Shape shortest;
    for (const auto& dimension : shape) {
        const auto length = std::max<ov::Dimension::value_type>(dimension.get_min_length(), 1);
        shortest.push_back(static_cast<std::size_t>(length));
    }
    return shortest;
}

// On zeros, these operations may behave as they never do for the program: they take other branches,
// run no or endless rounds, produce empty shapes, or call code that is not the runtime's.
constexpr std::array<std::string_view, 12> k_operations_left_out{
    "If",        "Loop",          "TensorIterator",  "Reference", "NonZero", "NonMaxSuppression",
    "MatrixNms", "MulticlassNms", "DetectionOutput", "Proposal",  "Unique",  "GenerateProposals"};

bool has_any_left_out(const ov::CompiledModel& model) {
    const auto graph = model.get_runtime_model();
    return std::ranges::any_of(graph->get_ops(), [](const auto& node) {
        const auto& notes = node->get_rt_info();
        const auto type = notes.find("layerType");
        return type != notes.end() &&
               std::ranges::find(k_operations_left_out, type->second.template as<std::string>()) !=
                   k_operations_left_out.end();
    });
}

// Takes longer than `limit` only while the machine gives the process less processor time than the
// model's threads could use: the program's own first inference would not be faster then.
bool ends_in_time(ov::InferRequest& request, std::chrono::nanoseconds limit, int threads) {
    constexpr int k_rounds_max = 4;
    constexpr std::chrono::seconds k_longest{20};
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
    const auto budget = limit * threads;
    const auto rounds = std::clamp<std::int64_t>(k_longest / limit, 1, k_rounds_max);
    const auto before = os::read_processor_time();
    request.start_async();
    for (int round = 0; round < rounds; ++round) {
        if (request.wait_for(wait)) return true;
        if (os::read_processor_time() - before >= budget) return false;
    }
    return false;
}

int threads_of(const ov::CompiledModel& model) {
    const auto processors = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
    const auto asked = model.get_property(ov::inference_num_threads);
    return asked > 0 ? std::min(asked, processors) : processors;
}

bool takes_zeros(const ov::Output<const ov::Node>& input) {
    return input.get_partial_shape().rank().is_static() &&
           input.get_element_type() != ov::element::string;
}

}  // namespace

Result<void> warm_up(ov::CompiledModel& model, std::chrono::nanoseconds limit) {
    const auto inputs = model.inputs();
    const auto is_fixed = [](const auto& input) { return input.get_partial_shape().is_static(); };
    if (std::ranges::all_of(inputs, is_fixed)) return {};
    if (!std::ranges::all_of(inputs, takes_zeros) || has_any_left_out(model)) {
        return fail(Errc::unsupported, "the first inference is left to the program");
    }
    auto request = model.create_infer_request();
    for (const auto& input : inputs) {
        // Uses the request's own tensor: the CPU plugin of 2026.4.1 keeps using the memory of a
        // tensor that was set, even when the tensor is gone.
        auto tensor = request.get_tensor(input);
        tensor.set_shape(shortest_shape(input.get_partial_shape()));
        std::memset(tensor.data(), 0, tensor.get_byte_size());
    }
    if (ends_in_time(request, limit, threads_of(model))) return {};
    request.cancel();
    try {
        request.wait();
    } catch (const std::exception&) {
        // Waiting reports the cancellation as an exception.
        return fail(Errc::unsupported, "the first inference takes too long");
    }
    return {};
}

}  // namespace larder::internal::openvino
