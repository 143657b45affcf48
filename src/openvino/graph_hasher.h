// Computes the fingerprint of a model in memory. For graph_fingerprint.cpp and its parts alone.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include <openvino/core/any.hpp>
#include <openvino/core/attribute_visitor.hpp>
#include <openvino/core/node.hpp>
#include <openvino/core/symbol.hpp>

#include "base/digest.h"
#include "openvino/graph_fingerprint.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Writes everything that reaches the compiled model into one hasher; weights only as references,
// which are hashed at the end, all at once.
class GraphHasher {
public:
    explicit GraphHasher(VariableOrder order) : variable_order_(order) {}

    void add_model(const ov::Model& model);
    void add_field(std::string_view name, std::string_view value) {
        hasher_.update_field(name).update_field(value);
    }
    // Integers count by their value, floating-point numbers by their bits: their text is rounded.
    template <typename T>
    void add_number(std::string_view name, T value) {
        hasher_.update_field(name).update_u64(bits_of(value));
    }
    void add_buffer(std::string_view name, std::span<const std::byte> bytes) {
        hasher_.update_field(name).update_u64(bytes.size());
        buffers_.push_back(bytes);
    }
    void add_run_time_information(const ov::AnyMap& information);
    void add_value(std::string_view name, const ov::Any& value);
    // Records that the model has no fingerprint, because of `what`.
    void refuse(std::string what) {
        if (!refusal_) refusal_ = std::move(what);
    }
    [[nodiscard]] Result<Digest> finish(runtime::MemoryHasher& memory);

private:
    using Positions = std::unordered_map<const ov::Node*, std::uint64_t>;

    template <typename T>
    static std::uint64_t bits_of(T value) {
        if constexpr (std::is_floating_point_v<T>) {
            static_assert(sizeof(T) <= sizeof(std::uint64_t));
            std::uint64_t bits = 0;
            std::memcpy(&bits, &value, sizeof value);
            return bits;
        } else {
            return static_cast<std::uint64_t>(value);
        }
    }
    void add_node(const ov::Node& node, const Positions& positions);
    void add_tensors(const ov::Node& node);
    void add_variables(const ov::Model& model);
    void add_symbols(const ov::PartialShape& shape);

    VariableOrder variable_order_;
    Hasher hasher_{"larder graph 3"};
    std::vector<std::span<const std::byte>> buffers_;
    std::unordered_map<const ov::Symbol*, std::uint64_t> symbols_;
    std::optional<std::string> refusal_;
};

// Hashes the attributes that a node or a run-time attribute reports.
class AttributeHasher : public ov::AttributeVisitor {
public:
    explicit AttributeHasher(GraphHasher& out) : out_(out) {}

    using ov::AttributeVisitor::on_adapter;
    template <typename T>
    using Value = ov::ValueAccessor<T>;
    template <typename T>
    using Values = ov::ValueAccessor<std::vector<T>>;
    using Name = const std::string&;

    void on_adapter(Name name, Value<void>& adapter) override;
    void on_adapter(Name name, Value<void*>& a) override {
        out_.add_buffer(name, {static_cast<const std::byte*>(a.get_ptr()), a.size()});
    }
    void on_adapter(Name name, Value<std::string>& a) override { out_.add_field(name, a.get()); }
    void on_adapter(Name name, Value<std::shared_ptr<ov::Model>>& a) override {
        add_body(name, a.get());
    }
    void on_adapter(Name name, Value<bool>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::int8_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::int16_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::int32_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::int64_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::uint8_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::uint16_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::uint32_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<std::uint64_t>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<float>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Value<double>& a) override { out_.add_number(name, a.get()); }
    void on_adapter(Name name, Values<std::int8_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::int16_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::int32_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::int64_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::uint8_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::uint16_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::uint32_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::uint64_t>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<float>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<double>& a) override { add_numbers(name, a.get()); }
    void on_adapter(Name name, Values<std::string>& a) override { add_strings(name, a.get()); }

private:
    template <typename T>
    void add_numbers(Name name, const std::vector<T>& values) {
        out_.add_number(name, values.size());
        for (const auto value : values) out_.add_number({}, value);
    }
    void add_strings(Name name, const std::vector<std::string>& values) {
        out_.add_number(name, values.size());
        for (const auto& value : values) out_.add_field({}, value);
    }
    void add_body(Name name, const std::shared_ptr<ov::Model>& body) {
        out_.add_number(name, body ? 1 : 0);
        if (body) out_.add_model(*body);
    }
    bool add_container(Name name, Value<void>& adapter);
    bool add_subgraph_ports(Name name, Value<void>& adapter);

    GraphHasher& out_;
};

}  // namespace larder::internal::openvino
