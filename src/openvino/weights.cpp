#include "openvino/weights.h"

#include <cstdint>
#include <memory>
#include <utility>

#include <openvino/core/graph_util.hpp>
#include <openvino/core/type.hpp>
#include <openvino/op/constant.hpp>

#include "openvino/compat.h"

namespace larder::internal::openvino {
namespace {

using ov::op::v0::Constant;

// The same as in the runtime's own files.
constexpr std::uint64_t k_alignment_bytes = 64;

struct Weight {
    std::shared_ptr<Constant> constant;
    std::uint64_t position = 0;
};

// Without strings, which are objects, not bytes.
std::vector<std::shared_ptr<Constant>> constants_of(const ov::Model& model) {
    std::vector<std::shared_ptr<Constant>> constants;
    for (const auto& node : model.get_ordered_ops()) {
        auto constant = ov::as_type_ptr<Constant>(node);
        if (!constant || constant->get_element_type() == ov::element::string) continue;
        if (constant->get_byte_size() != 0) constants.push_back(std::move(constant));
    }
    return constants;
}

std::span<const std::byte> bytes_of(const Constant& constant) {
    return {static_cast<const std::byte*>(constant.get_data_ptr()), constant.get_byte_size()};
}

// The constant holds `owner` for as long as anything refers to the bytes.
void replace(const std::shared_ptr<Constant>& constant, const std::byte* bytes,
             const std::shared_ptr<void>& owner) {
    const auto mapped =
        compat::constant_over(constant->get_element_type(), constant->get_shape(), bytes, owner);
    if (!mapped) return;
    mapped->set_friendly_name(constant->get_friendly_name());
    mapped->get_rt_info() = constant->get_rt_info();
    mapped->output(0).get_rt_info() = constant->output(0).get_rt_info();
    mapped->output(0).get_tensor().set_names(constant->output(0).get_tensor().get_names());
    ov::replace_node(constant, mapped);
}

}  // namespace

std::vector<std::span<const std::byte>> weights_of(const ov::Model& model) {
    std::vector<std::span<const std::byte>> weights;
    for (const auto& constant : constants_of(model)) weights.push_back(bytes_of(*constant));
    return weights;
}

Result<void> move_weights(ov::Model& model, runtime::Scratch& scratch) {
    std::vector<Weight> weights;
    std::uint64_t end = 0;
    // Moves small ones too: often all of them are in one block, which lives as long as any of them.
    for (auto& constant : constants_of(model)) {
        const auto position = (end + k_alignment_bytes - 1) / k_alignment_bytes * k_alignment_bytes;
        end = position + constant->get_byte_size();
        weights.push_back({std::move(constant), position});
    }
    if (auto room = scratch.reserve(end); !room) return room;
    for (const auto& [constant, position] : weights) {
        if (auto done = scratch.write_at(position, bytes_of(*constant)); !done) return done;
    }
    auto mapped = scratch.map(end);
    if (!mapped) return fail(std::move(mapped.error()));
    const auto owner = std::const_pointer_cast<void>(mapped->owner);
    for (auto& [constant, position] : weights) {
        replace(constant, mapped->bytes.data() + position, owner);
        constant.reset();
    }
    return {};
}

}  // namespace larder::internal::openvino
