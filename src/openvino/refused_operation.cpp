#include "openvino/refused_operation.h"

#include <new>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <openvino/core/node.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/runtime/properties.hpp>

#include "openvino/compat.h"
#include "openvino/foreign_code.h"
#include "openvino/graph_fingerprint.h"
#include "os/system.h"

namespace larder::internal::openvino {
namespace {

// The CPU plugin of 2026.4.1 loses run-time information of this operation (the number and size of
// heads), and refuses the blob without it.
constexpr std::string_view k_in_doubt = "PagedAttentionExtension";

std::shared_ptr<ov::Model> model_of(const ov::Node& operation) {
    ov::ParameterVector parameters;
    ov::OutputVector inputs;
    for (const auto& input : operation.inputs()) {
        parameters.push_back(std::make_shared<ov::op::v0::Parameter>(input.get_element_type(),
                                                                     input.get_partial_shape()));
        inputs.emplace_back(parameters.back());
    }
    const auto alone = operation.clone_with_new_inputs(inputs);
    alone->get_rt_info() = operation.get_rt_info();
    return std::make_shared<ov::Model>(alone->outputs(), parameters);
}

std::optional<bool> is_refused(ov::Core& core, const ov::Node& operation, const std::string& device,
                               const ov::AnyMap& properties) {
    std::stringstream blob;
    try {
        core.compile_model(model_of(operation), device, properties).export_model(blob);
    } catch (const std::exception&) {
        return std::nullopt;
    }
    auto import_properties = properties;
    import_properties.erase(ov::cache_dir.name());
    try {
        core.import_model(blob, device, import_properties);
        return false;
    } catch (const std::exception& error) {
        if (is_for_want_of_memory(error, blob.str().size())) return std::nullopt;
        return true;
    }
}

// A model of one operation has no weights.
class NoMemory final : public runtime::MemoryHasher {
public:
    Result<std::vector<Digest>> hash(std::span<const std::span<const std::byte>> ranges) override {
        std::vector<Digest> digests;
        for (const auto& range : ranges) digests.push_back(hash_chunked(range));
        return digests;
    }
};

std::shared_ptr<ov::Node> operation_in_doubt(const ov::Model& model) {
    if (!compat::is_own_release()) return nullptr;
    // Ordered, because the model remembers that order: gathering the operations takes several times
    // as long.
    for (auto& operation : model.get_ordered_ops()) {
        if (operation->get_type_name() == k_in_doubt) return std::move(operation);
    }
    return nullptr;
}

}  // namespace

std::optional<runtime::Doubt> doubt_about(const ov::Model& model) {
    const auto operation = operation_in_doubt(model);
    if (!operation) return std::nullopt;
    runtime::Doubt doubt;
    doubt.library = path_of("libopenvino_intel_cpu_plugin.so");
    NoMemory memory;
    try {
        if (const auto part = fingerprint_graph(*model_of(*operation), memory)) {
            doubt.part = *part;
            return doubt;
        }
    } catch (const std::exception&) {  // the operation cannot stand alone
    }
    // Without a fingerprint the operation is tried again at each start.
    doubt.library.clear();
    return doubt;
}

std::optional<std::string> refused_operation(ov::Core& core, const ov::Model& model,
                                             const std::string& device,
                                             const ov::AnyMap& properties) {
    const auto operation = operation_in_doubt(model);
    if (!operation) return std::string{};
    const auto refused = is_refused(core, *operation, device, properties);
    if (!refused) return std::nullopt;
    return *refused ? std::string(k_in_doubt) : std::string{};
}

bool is_for_want_of_memory(const std::exception& error, std::size_t blob_bytes) {
    // The stacks and heaps of the threads that an import starts are most of what a small blob
    // takes.
    constexpr std::size_t k_memory_of_import = std::size_t{1} << 30;
    return std::string_view(error.what()).find("bad_alloc") != std::string_view::npos ||
           dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
           !os::may_allocate(blob_bytes + k_memory_of_import);
}

}  // namespace larder::internal::openvino
