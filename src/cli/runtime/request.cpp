#include "cli/runtime/request.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cli/surroundings.h"
#include "cli/text.h"
#include "larder/error.hpp"

namespace larder::cli {
namespace {

constexpr std::array<std::string_view, 4> k_virtual_devices{"AUTO", "MULTI", "HETERO", "BATCH"};

bool is_virtual(std::string_view name) {
    return std::find(k_virtual_devices.begin(), k_virtual_devices.end(), name) !=
           k_virtual_devices.end();
}

// Returns AUTO, GPU.1 and CPU for "AUTO:GPU.1,-CPU(4)".
std::vector<std::string> devices_in(const std::string& device) {
    const auto colon = device.find(':');
    std::vector<std::string> names{device.substr(0, colon)};
    if (colon != std::string::npos) {
        for (const auto& name : split(device.substr(colon + 1), ',')) names.push_back(name);
    }
    for (auto& name : names) {
        name = trimmed(name.substr(0, name.find('(')));
        if (name.starts_with('-')) name.erase(0, 1);
    }
    return names;
}

// If a plugin numbers its devices, tells whether it has the one of `name`, such as "GPU.1".
bool has_number(ov::Core& core, const std::string& name) {
    const auto point = name.find('.');
    if (point == std::string::npos) return true;
    const auto number = name.substr(point + 1);
    try {
        const auto known = core.get_property(name.substr(0, point), ov::available_devices);
        const auto is_it = [&](const std::string& one) {
            return one.empty() || number == one || number.starts_with(one + ".");
        };
        return known.empty() || std::any_of(known.begin(), known.end(), is_it);
    } catch (const std::exception&) {
        return true;  // a device that does not answer; compiling will report it
    }
}

std::string available(const std::vector<std::string>& devices) {
    return "use " + join(devices, ", ") + "; or AUTO, MULTI, HETERO or BATCH, which go over these";
}

// Properties that the core handles for every device: devices do not list them as supported.
bool is_of_the_core(const std::string& name) {
    static const std::set<std::string> k_names{"DEVICE_PROPERTIES",   "ENABLE_MMAP",
                                               "FORCE_TBB_TERMINATE", "LOADED_FROM_CACHE",
                                               "MODEL_PRIORITY",      "MULTI_DEVICE_PRIORITIES",
                                               "WEIGHTS_PATH"};
    return name.starts_with("CACHE_") || k_names.contains(name);
}

std::vector<std::string> supported_properties(ov::Core& core, const std::string& device) {
    try {
        const auto list = core.get_property(device, "SUPPORTED_PROPERTIES", ov::AnyMap{});
        const auto& names = list.as<std::vector<ov::PropertyName>>();
        return {names.begin(), names.end()};
    } catch (const std::exception&) {
        return {};  // a device that does not answer
    }
}

// A ReLU of one number.
constexpr const char* k_small_model = R"(<?xml version="1.0"?>
<net name="values" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1" element_type="f32"/>
<output><port id="0" precision="FP32"><dim>1</dim></port></output></layer>
<layer id="1" name="y" type="ReLU" version="opset1">
<input><port id="0" precision="FP32"><dim>1</dim></port></input>
<output><port id="1" precision="FP32"><dim>1</dim></port></output></layer>
<layer id="2" name="z" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>1</dim></port></input></layer></layers><edges>
<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges></net>)";

// Returns OpenVINO's message if it refuses these properties for every model of the device.
std::string refusal_of(ov::Core& core, const std::string& device, const ov::AnyMap& properties) {
    try {
        static_cast<void>(
            core.compile_model(core.read_model(k_small_model, ov::Tensor{}), device, properties));
        return {};
    } catch (const std::exception& error) {
        return useful_lines(error.what());
    }
}

std::string inputs_of(const ov::Model& model) {
    std::vector<std::string> texts;
    for (const auto& input : model.inputs()) {
        const auto name = input.get_names().empty() ? std::string{} : input.get_any_name();
        texts.push_back(name + input.get_partial_shape().to_string());
    }
    return join(texts, ", ");
}

// Describes a fault in a model's files; never one of the command line.
Failure model_failure(const std::string& model, const Error& error) {
    Failure failure{error.what(), error.remedy(), k_failed};
    if (error.code() == ErrorCode::not_found && is_gone(model)) {
        failure = {"there is no model '" + model + "'", "check the path", k_failed};
    }
    if (failure.what.find(model) == std::string::npos) {
        failure.what = "'" + model + "': " + failure.what;
    }
    if (!failure.remedy.empty()) return failure;
    switch (error.code()) {
        case ErrorCode::not_found:
            failure.remedy =
                "put the missing file at the path that the model names, or export the model again";
            break;
        case ErrorCode::permission_denied: failure.remedy = "let this user read it"; break;
        case ErrorCode::damaged:
        case ErrorCode::invalid_argument:
            failure.remedy = "copy, download or export the model again";
            break;
        case ErrorCode::read_only:
        case ErrorCode::no_space:
        case ErrorCode::unsupported:
        case ErrorCode::miss:
        case ErrorCode::timed_out:
        case ErrorCode::io: failure.remedy = "see also: larder doctor"; break;
    }
    return failure;
}

InputShape parse_shape(const std::string& text) {
    const auto open = text.find('[');
    if (open != std::string::npos && text.ends_with(']')) {
        try {
            return {std::string(trimmed(text.substr(0, open))),
                    ov::PartialShape(text.substr(open))};
        } catch (const std::exception&) {
            // Reported below.
        }
    }
    throw_usage("'" + text + "' is not a shape",
                "write input[1,3,224,224]; ? for any length, 1..8 for a range");
}

}  // namespace

void check_is_model(const std::string& path) {
    const auto models = models_beside(path);
    if (path.ends_with(".bin") && models.size() == 1) {
        throw CommandError(
            {"'" + path + "' holds weights", "the model is " + models.front(), k_failed});
    }
    if (is_folder(path) && !is_saved_model(path)) {
        throw CommandError({"'" + path + "' is a folder without a SavedModel",
                            models.empty() ? "give a model: .xml, .onnx, .gguf, .tflite, .pdmodel, "
                                             ".pb or a folder with a SavedModel"
                                           : "models in it: " + join(models, ", "),
                            k_failed});
    }
}

ov::AnyMap parse_properties(const std::vector<std::string>& texts) {
    ov::AnyMap properties;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        const std::string name(trimmed(text.substr(0, equals)));
        if (equals == std::string::npos || name.empty()) {
            throw_usage("'" + text + "' is not a property", "write NAME=VALUE");
        }
        if (!properties.emplace(name, text.substr(equals + 1)).second) {
            throw_usage("the property '" + name + "' is given twice", "give it once");
        }
    }
    return properties;
}

std::vector<InputShape> parse_shapes(const std::vector<std::string>& texts) {
    std::vector<InputShape> shapes;
    for (const auto& text : texts) {
        std::size_t begin = 0;
        while (begin <= text.size()) {
            auto end = text.find(']', begin);
            end = end == std::string::npos ? text.size() : end + 1;
            shapes.push_back(parse_shape(std::string(trimmed(text.substr(begin, end - begin)))));
            if (end < text.size() && text[end] != ',') {
                throw_usage("'" + text + "' is not a list of shapes", "separate them by commas");
            }
            begin = end + 1;
        }
    }
    return shapes;
}

namespace {

void reshape(ov::Model& model, const std::vector<InputShape>& shapes) {
    try {
        if (shapes.size() == 1 && shapes.front().input.empty()) {
            model.reshape(shapes.front().shape);
            return;
        }
        std::map<std::string, ov::PartialShape> by_name;
        for (const auto& shape : shapes) by_name[shape.input] = shape.shape;
        model.reshape(by_name);
    } catch (const std::exception& error) {
        throw_usage("the model cannot take this shape: " + useful_lines(error.what()),
                    "its inputs are " + inputs_of(model));
    }
}

}  // namespace

std::shared_ptr<const ov::Model> read_reshaped(ov::Core& core, const std::string& path,
                                               const std::vector<InputShape>& shapes) {
    if (path.ends_with(".gguf")) {
        throw_usage("--shape cannot be used with GGUF", "leave it out: lengths are dynamic");
    }
    const auto model = core.read_model(path);
    reshape(*model, shapes);
    return model;
}

void check_device(ov::Core& core, const std::string& device) {
    if (trimmed(device).empty()) throw_usage("the name of the device is empty", "try --device CPU");
    const auto available_devices = core.get_available_devices();
    for (const auto& name : devices_in(device)) {
        const auto plugin = name.substr(0, name.find('.'));
        const auto is_it = [&](const std::string& known) {
            return known == plugin || known.starts_with(plugin + ".");
        };
        const bool is_there = !plugin.empty() && std::any_of(available_devices.begin(),
                                                             available_devices.end(), is_it);
        if (is_virtual(plugin) || (is_there && has_number(core, name))) continue;
        // As "--property NAME=VALUE" takes one.
        const auto value = name.substr(name.find('=') + 1);
        throw_usage("this machine has no device '" + name + "'",
                    value == name ? available(available_devices)
                                  : "give the name of the device alone: --device " + value);
    }
}

void check_properties(ov::Core& core, const std::string& device, const ov::AnyMap& properties) {
    const auto devices = devices_in(device);
    if (devices.size() != 1 || is_virtual(devices.front())) return;  // passes them on to others
    const auto supported = supported_properties(core, device);
    if (supported.empty()) return;
    for (const auto& [name, value] : properties) {
        if (is_of_the_core(name) ||
            std::find(supported.begin(), supported.end(), name) != supported.end()) {
            continue;
        }
        const auto near = nearest_word(name, supported);
        throw_usage(
            fmt::format("the device {} has no property '{}'", device, name),
            near.empty() ? "it has " + join(supported, ", ") : "did you mean " + near + "?");
    }
}

void check_values(ov::Core& core, const std::string& device, const ov::AnyMap& properties) {
    // The runtime's own cache would write files, and a path belongs to one model.
    auto checked = properties;
    std::erase_if(checked, [](const auto& property) {
        return property.first.starts_with("CACHE_") || property.first == "WEIGHTS_PATH";
    });
    if (checked.empty()) return;
    const auto refusal = refusal_of(core, device, checked);
    if (refusal.empty() || !refusal_of(core, device, {}).empty()) return;
    for (const auto& property : checked) {
        const auto own = refusal_of(core, device, {property});
        if (own.empty()) continue;
        throw_usage("'" + property.first + "=" + property.second.as<std::string>() + "': " + own,
                    "give this property another value, or leave it out");
    }
    throw_usage(refusal, "give these properties other values, or leave them out");
}

Failure request_failure(ov::Core& core, const std::string& model, const std::string& device,
                        const ov::AnyMap& properties) {
    auto failure = current_failure();
    try {
        throw;
    } catch (const CommandError&) {
        return failure;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::miss) return model_failure(model, error);
    } catch (const std::exception&) {
        // OpenVINO's exception is often about the device or a property.
    }
    try {
        check_device(core, device);
        check_properties(core, device, properties);
        check_values(core, device, properties);
    } catch (const CommandError& error) {
        return error.failure();
    }
    for (const auto& [name, value] : properties) {
        if (failure.what.find(name) == std::string::npos) continue;
        return {failure.what, "give the property " + name + " another value, or leave it out",
                k_usage};
    }
    // Some messages of the runtime do not name the model.
    if (failure.what.find(model) == std::string::npos) {
        failure.what = "'" + model + "': " + failure.what;
    }
    if (failure.remedy.empty()) {
        failure.remedy = "this is OpenVINO's own message; it is the same without larder";
    }
    return failure;
}

}  // namespace larder::cli
