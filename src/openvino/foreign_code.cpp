#include "openvino/foreign_code.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>

#include <openvino/core/version.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

#include "process/loaded_code.h"

namespace larder::internal::openvino {
namespace {

using runtime::LoadedCode;

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view directory(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

// "libopenvino.so" also matches "libopenvino.so.2641".
bool is_library(std::string_view file, std::string_view name) {
    return file.starts_with(name) && (file.size() == name.size() || file[name.size()] == '.');
}

bool has_name_of_openvinos(std::string_view file) {
    static constexpr std::array<std::string_view, 17> k_names{
        "libopenvino.so",
        "libopenvino_c.so",
        "libopenvino_auto_plugin.so",
        "libopenvino_auto_batch_plugin.so",
        "libopenvino_hetero_plugin.so",
        "libopenvino_intel_cpu_plugin.so",
        "libopenvino_intel_gpu_plugin.so",
        "libopenvino_intel_npu_plugin.so",
        "libopenvino_arm_cpu_plugin.so",
        "libopenvino_ir_frontend.so",
        "libopenvino_onnx_frontend.so",
        "libopenvino_paddle_frontend.so",
        "libopenvino_pytorch_frontend.so",
        "libopenvino_tensorflow_frontend.so",
        "libopenvino_tensorflow_lite_frontend.so",
        "libopenvino_jax_frontend.so",
        "libopenvino_gguf_frontend.so",
    };
    return std::ranges::any_of(k_names, [&](auto name) { return is_library(file, name); });
}

// Tells OpenVINO's own libraries from others. Their build numbers are in the key.
class Own {
public:
    explicit Own(const std::vector<process::LoadedObject>& objects) {
        const auto found = std::ranges::find_if(objects, [](const process::LoadedObject& object) {
            return object.holds(reinterpret_cast<std::uintptr_t>(&ov::get_openvino_version));
        });
        if (found != objects.end()) core_ = *found;
    }
    [[nodiscard]] bool has(const process::LoadedObject& object) const {
        if (object.begin == core_.begin) return true;
        // Another library may have the name of one of OpenVINO's. It counts as OpenVINO's if it has
        // a build id, which is in the key, or lies in the same directory.
        return has_name_of_openvinos(file_name(object.path)) &&
               (!object.build_id.empty() || directory(object.path) == directory(core_.path));
    }

private:
    process::LoadedObject core_;
};

std::string name_of(const process::LoadedObject& object) {
    return object.path.empty() ? "program" : std::string(file_name(object.path));
}

std::vector<LoadedCode> foreign_libraries(std::string_view entry_point) {
    const auto objects = process::loaded_objects();
    const Own own(objects);
    std::vector<LoadedCode> found;
    for (const auto& object : process::loaded_objects_that_export(entry_point)) {
        if (own.has(object)) continue;
        found.push_back({name_of(object), object.begin});
    }
    return found;
}

// The classes of a model's operations, identified by their tables of virtual functions, with one
// operation of each.
class Classes {
public:
    void add(const ov::Model& model) {
        for (const auto& node : model.get_ordered_ops()) {
            nodes_.try_emplace(*reinterpret_cast<const std::uintptr_t*>(node.get()), node.get());
            const auto* const bodies =
                dynamic_cast<const ov::op::util::MultiSubGraphOp*>(node.get());
            if (bodies == nullptr) continue;
            for (const auto& body : bodies->get_functions()) {
                if (body) add(*body);
            }
        }
    }
    [[nodiscard]] const std::map<std::uintptr_t, const ov::Node*>& nodes() const { return nodes_; }

private:
    std::map<std::uintptr_t, const ov::Node*> nodes_;
};

}  // namespace

Result<std::vector<LoadedCode>> code_of(const ov::Model& model) {
    Classes classes;
    classes.add(model);
    const auto objects = process::loaded_objects();
    const Own own(objects);
    std::map<std::uintptr_t, LoadedCode> found;  // by the address at which their libraries begin
    for (const auto& [functions, node] : classes.nodes()) {
        const auto object = std::ranges::find_if(
            objects, [at = functions](const auto& each) { return each.holds(at); });
        const std::string type = node->get_type_info().name;
        if (object == objects.end()) {
            return fail(Errc::unsupported, "the code of the operation '" + type +
                                               "' is in no file that larder could identify");
        }
        if (own.has(*object)) continue;
        if (file_name(object->path).starts_with("_pyopenvino")) {
            return fail(Errc::unsupported, "the operation '" + type +
                                               "' is written in Python: larder cannot tell "
                                               "whether its code has changed");
        }
        found.try_emplace(object->begin, LoadedCode{name_of(*object), functions});
    }
    std::vector<LoadedCode> code;
    code.reserve(found.size());
    for (auto& [begin, each] : found) code.push_back(std::move(each));
    return code;
}

std::vector<LoadedCode> extension_libraries() { return foreign_libraries("create_extensions"); }

std::vector<LoadedCode> device_libraries() { return foreign_libraries("create_plugin_engine"); }

std::string path_of(std::string_view name) {
    std::set<std::string> paths;
    for (const auto& object : process::loaded_objects()) {
        if (is_library(file_name(object.path), name)) paths.insert(object.path);
    }
    return paths.size() == 1 ? *paths.begin() : std::string{};
}

std::string build_of(std::string_view name) {
    std::set<std::string> builds;
    for (const auto& object : process::loaded_objects()) {
        if (is_library(file_name(object.path), name) && !object.build_id.empty()) {
            builds.insert(object.build_id);
        }
    }
    std::string text;
    for (const auto& build : builds) text += (text.empty() ? "" : " ") + build;
    return text;
}

}  // namespace larder::internal::openvino
