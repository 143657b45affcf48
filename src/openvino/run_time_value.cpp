#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <tuple>
#include <typeinfo>

#include <openvino/core/layout.hpp>
#include <openvino/core/model.hpp>
#include <openvino/core/runtime_attribute.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/pass/serialize.hpp>
#include <openvino/runtime/properties.hpp>
#include <openvino/runtime/tensor.hpp>

#include "openvino/compat.h"
#include "openvino/graph_hasher.h"

// A nested <rt_info> of an IR is read into this type, which is not in the runtime's public headers.
namespace ov {
class Meta;
}

namespace larder::internal::openvino {
namespace {

// These decide nothing: names that a node had before it was fused or renamed; the file that a model
// was read from, and the place of each constant in it, which only blobs without weights need, and
// those are never made from models in memory; information that the TensorFlow Lite frontend leaves
// on the constants and operations it has made, in classes that no plugin knows.
constexpr std::array k_left_out{"__weights_path",      "WeightlessCacheAttribute", "fused_names",
                                "originalLayersNames", "QuantizationInfo",         "SparsityInfo"};

// Run-time attributes without content, of which only the presence counts. The runtime does not
// visit them.
constexpr std::array k_markers{
    "DisableConstantFolding", "decompression",
    "dequantization_node",    "keep_const_precision",
    "nms_selected_indices",   "no_transpose_sinking",
    "nonconvertable_divide",  "nonconvertible_divide",
    "original_precision",     "precise",
    "precision_sensitive",    "preprocessing",
    "shape_subgraph",
};

// The type that Python uses in place of an empty list.
constexpr std::string_view k_empty_list = "N6Common5utils9EmptyListE";

bool is_left_out(std::string_view name) {
    return std::ranges::any_of(k_left_out, [&](auto each) { return name.starts_with(each); });
}

// Printing the value would give its address, which differs each time a file is read. Only the
// runtime knows the content, and writes it into the text of a model.
std::string text_of_meta(std::string_view name, const ov::Any& value) {
    const auto input =
        compat::make_roomy<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{1});
    const auto output = compat::make_roomy<ov::op::v0::Result>(input);
    input->set_friendly_name("input");
    output->set_friendly_name("output");
    const auto model = compat::make_roomy<ov::Model>(ov::ResultVector{output},
                                                     ov::ParameterVector{input}, "model");
    output->output(0).set_names({"output"});
    model->get_rt_info().emplace(std::string(name), value);
    std::ostringstream text;
    std::ostringstream weights;
    compat::make_roomy<ov::pass::Serialize>(text, weights)->run_on_model(model);
    return text.str();
}

// Writes a value so that only equal values are written equally.
void write(GraphHasher& out, const std::string& value) { out.add_field({}, value); }
void write(GraphHasher& out, const ov::Any& value) { out.add_value({}, value); }
void write(GraphHasher& out, const ov::element::Type& value) { write(out, value.to_string()); }
void write(GraphHasher& out, const ov::PartialShape& value) { write(out, value.to_string()); }
void write(GraphHasher& out, const ov::Layout& value) { write(out, value.to_string()); }
void write(GraphHasher& out, const ov::PropertyName& value) {
    write(out, static_cast<const std::string&>(value));
}
void write(GraphHasher& out, const ov::Dimension& value) {
    out.add_number("min", value.get_min_length());
    out.add_number("max", value.get_max_length());
}
void write(GraphHasher& out, const std::pair<const std::string, ov::Any>& entry) {
    out.add_value(entry.first, entry.second);
}
void write(GraphHasher& out, const ov::streams::Num& value) { out.add_number({}, value.num); }

template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
void write(GraphHasher& out, T value) {
    out.add_number({}, value);
}
template <typename... Types>
void write(GraphHasher& out, const std::tuple<Types...>& values) {
    std::apply([&](const auto&... each) { (write(out, each), ...); }, values);
}
template <typename First, typename Second>
void write(GraphHasher& out, const std::pair<First, Second>& values) {
    write(out, values.first);
    write(out, values.second);
}
template <typename Container>
    requires requires(const Container& values) { values.begin(); }
void write(GraphHasher& out, const Container& values) {
    out.add_number("values", static_cast<std::uint64_t>(std::ranges::distance(values)));
    for (const typename Container::value_type& each : values) write(out, each);
}

template <typename T>
bool write_if(GraphHasher& out, const ov::Any& value) {
    if (!value.is<T>()) return false;
    write(out, value.as<T>());
    return true;
}

template <typename... Types>
bool write_as_one_of(GraphHasher& out, const ov::Any& value) {
    return (write_if<Types>(out, value) || ...);
}

template <typename T>
bool write_as_vector_or_set(GraphHasher& out, const ov::Any& value) {
    return write_as_one_of<std::vector<T>, std::set<T>>(out, value);
}

bool write_if_tensor(GraphHasher& out, const ov::Any& value) {
    if (!value.is<ov::Tensor>()) return false;
    const auto& tensor = value.as<ov::Tensor>();
    // Texts are no bytes, and of a part of another tensor the bytes lie apart.
    if (tensor.get_element_type() == ov::element::string || !tensor.is_continuous()) return false;
    out.add_field(tensor.get_element_type().to_string(), tensor.get_shape().to_string());
    const std::string_view bytes(static_cast<const char*>(tensor.data()), tensor.get_byte_size());
    out.add_field("value", bytes);
    return true;
}

bool write_plain_value(GraphHasher& out, const ov::Any& value) {
    return write_as_one_of<bool, std::string, std::int8_t, std::int16_t, int, long, long long,
                           std::uint8_t, std::uint16_t, unsigned, unsigned long, unsigned long long,
                           char, float, double>(out, value);
}

bool write_container(GraphHasher& out, const ov::Any& value) {
    return write_as_one_of<ov::AnyMap, std::vector<ov::Any>, std::vector<ov::AnyMap>,
                           std::vector<bool>, std::map<std::string, std::string>,
                           std::map<std::string, int>, std::tuple<unsigned, unsigned>,
                           std::tuple<unsigned, unsigned, unsigned>>(out, value) ||
           write_as_vector_or_set<std::string>(out, value) ||
           write_as_vector_or_set<int>(out, value) || write_as_vector_or_set<long>(out, value) ||
           write_as_vector_or_set<long long>(out, value) ||
           write_as_vector_or_set<unsigned>(out, value) ||
           write_as_vector_or_set<unsigned long>(out, value) ||
           write_as_one_of<std::vector<std::int8_t>, std::vector<std::uint8_t>,
                           std::vector<std::int16_t>, std::vector<std::uint16_t>,
                           std::vector<float>, std::vector<double>>(out, value);
}

bool write_value_of_the_runtime(GraphHasher& out, const ov::Any& value) {
    return write_as_one_of<ov::element::Type, ov::element::Type_t, ov::element::TypeVector,
                           ov::Shape, ov::Strides, ov::PartialShape, ov::Dimension, ov::Layout,
                           ov::PropertyName, std::vector<ov::PropertyName>, ov::streams::Num,
                           ov::hint::Priority, ov::hint::PerformanceMode, ov::hint::ExecutionMode,
                           ov::hint::SchedulingCoreType, ov::log::Level, ov::device::Type,
                           ov::CacheMode>(out, value);
}

std::shared_ptr<const ov::RuntimeAttribute> attribute_in(const ov::Any& value) {
    if (value.is<std::shared_ptr<ov::RuntimeAttribute>>()) {
        return value.as<std::shared_ptr<ov::RuntimeAttribute>>();
    }
    if (!value.is<ov::RuntimeAttribute>()) return nullptr;
    // Not owned: the attribute is in `value`, which outlives the result.
    return {std::shared_ptr<void>{}, &value.as<ov::RuntimeAttribute>()};
}

// The tokenizer data of a GGUF file, which the frontend attaches to the model; it visits nothing.
bool write_if_tokenizer(GraphHasher& out, const ov::RuntimeAttribute& attribute) {
    const auto* const config = compat::tokenizer_config(attribute);
    if (config == nullptr) return false;
    write(out, *config);
    return true;
}

bool counts(const std::pair<const std::string, ov::Any>& entry) {
    if (is_left_out(entry.first)) return false;
    const auto attribute = attribute_in(entry.second);
    return !attribute ||
           (compat::is_deterministic(*attribute) && !is_left_out(attribute->get_type_info().name));
}

}  // namespace

void GraphHasher::add_value(std::string_view name, const ov::Any& value) {
    if (value.empty()) {
        add_field(name, "empty");
        return;
    }
    // 1, 1.0, "1" and true are four different values.
    add_field(name, value.type_info().name());
    if (const auto attribute = attribute_in(value)) {
        const std::string_view type = attribute->get_type_info().name;
        add_field("attribute", type);
        AttributeHasher visitor(*this);
        if (!write_if_tokenizer(*this, *attribute) && !attribute->visit_attributes(visitor) &&
            std::ranges::find(k_markers, type) == k_markers.end()) {
            refuse("the run-time attribute '" + std::string(type) +
                   "', whose value cannot be compared");
        }
    } else if (value.type_info() == typeid(std::shared_ptr<ov::Meta>)) {
        add_field("meta", text_of_meta(name, value));
    } else if (value.type_info().name() != k_empty_list && !write_plain_value(*this, value) &&
               !write_container(*this, value) && !write_value_of_the_runtime(*this, value) &&
               !write_if_tensor(*this, value)) {
        refuse("the run-time information '" + std::string(name) + "' of type " +
               value.type_info().name());
    }
}

void GraphHasher::add_run_time_information(const ov::AnyMap& information) {
    std::vector<const ov::AnyMap::value_type*> counting;
    for (const auto& entry : information) {
        if (counts(entry)) counting.push_back(&entry);
    }
    add_number("rt_info", counting.size());
    for (const auto* const entry : counting) add_value(entry->first, entry->second);
}

}  // namespace larder::internal::openvino
