#include "openvino/request.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <ostream>

#include <openvino/runtime/properties.hpp>

#include "openvino/blob_stream.h"
#include "openvino/core_extensions.h"
#include "openvino/foreign_code.h"
#include "openvino/graph_fingerprint.h"
#include "openvino/machine.h"
#include "openvino/properties.h"
#include "openvino/read_model.h"
#include "openvino/warm_up.h"
#include "openvino/weights.h"

namespace larder::internal::openvino {
namespace {

using Time = std::chrono::steady_clock;

// Adds the time until destruction, so that a stage that throws is timed too.
class StageTimer {
public:
    explicit StageTimer(std::optional<std::chrono::nanoseconds>& total)
        : total_(total), start_(Time::now()) {}
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;
    ~StageTimer() {
        total_ = total_.value_or(std::chrono::nanoseconds{0}) + (Time::now() - start_);
    }

private:
    std::optional<std::chrono::nanoseconds>& total_;
    Time::time_point start_;
};

// The part of an OpenVINO message that says something: its first lines name source files.
std::string plain_message(const std::exception& error) {
    std::string text = error.what();
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.pop_back();
    }
    const auto last = text.rfind('\n');
    return last == std::string::npos ? text : text.substr(last + 1);
}

}  // namespace

Request::Request(ov::Core& core, ModelInput input, const std::string& device, ov::AnyMap properties)
    : core_(core),
      input_(std::move(input)),
      device_(parse_device(device, properties)),
      properties_(std::move(properties)),
      model_(input_.model) {}

Request::~Request() = default;

ov::CompiledModel Request::take() { return std::move(compiled_).value(); }

Result<runtime::Identity> Request::identify() {
    auto identity = openvino::identify(core_, device_, properties_);
    // Extensions change what is read from files. A GGUF is read past the core.
    if (input_.model || is_gguf(input_.path)) return identity;
    switch (extensions_of(core_)) {
        case CoreExtensions::none: break;
        case CoreExtensions::libraries:
            std::ranges::copy(extension_libraries(), std::back_inserter(identity.code));
            break;
        case CoreExtensions::objects:
            if (input_.path.empty()) break;  // the caller vouches for what is built
            identity.model_content = runtime::ModelContent::graph;
            is_known_by_graph_ = true;
            break;
    }
    return identity;
}

Result<Digest> Request::fingerprint_model(runtime::MemoryHasher& hasher) {
    try {
        return fingerprint_graph(*model(), hasher);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return fail(Errc::unsupported, "OpenVINO cannot read the model: " + plain_message(error));
    }
}

Result<std::vector<runtime::LoadedCode>> Request::code_of_model() { return code_of(*model()); }

const std::shared_ptr<const ov::Model>& Request::model() {
    if (!model_) {
        const StageTimer timer(times_.read_model);
        const auto& path = stand_in_.empty() ? input_.path : stand_in_;
        if (input_.model) {
            model_ = input_.model;
        } else if (input_.build) {
            model_ = input_.build();
        } else {
            auto read = read_model(core_, path);
            // Where they cannot move, they stay.
            if (scratch_ && is_gguf(path)) static_cast<void>(move_weights(*read, *scratch_));
            model_ = std::move(read);
        }
        scratch_.reset();
        stand_in_owner_.reset();
        OPENVINO_ASSERT(model_ != nullptr, "The model builder returned no model");
    }
    return model_;
}

void Request::compile_as(const ov::AnyMap& properties) {
    const auto& source = model();
    const StageTimer timer(times_.compile);
    compiled_ = core_.compile_model(source, device_.asked, properties);
}

void Request::read_from(std::string path, std::shared_ptr<const void> owner) {
    stand_in_ = std::move(path);
    stand_in_owner_ = std::move(owner);
}

void Request::unpack_into(std::shared_ptr<runtime::Scratch> scratch) {
    scratch_ = std::move(scratch);
}

std::vector<std::span<const std::byte>> Request::read_weights() {
    const auto& read = model();
    if (input_.path.empty()) return {};
    return weights_of(*read);
}

void Request::compile_untouched() {
    if (input_.path.empty() || is_gguf(input_.path) || !stand_in_.empty()) {
        compile_as(properties_);
        return;
    }
    const StageTimer timer(times_.compile);
    compiled_ = core_.compile_model(input_.path, device_.asked, properties_);
}

void Request::compile() {
    auto properties = without_cache_control(properties_);
    if (exports_without_weights()) {
        properties.insert(ov::cache_mode(ov::CacheMode::OPTIMIZE_SIZE));
    }
    // A directory set on the core would make a second cache underneath.
    properties[ov::cache_dir.name()] = std::string{};
    compile_as(properties);
}

bool Request::compile_with(const runtime::PrivateCache& cache) {
    auto properties = without_cache_control(properties_);
    properties[ov::cache_dir.name()] = cache.directory;
    // With a name for the model, the runtime neither hashes its weights nor looks at any path:
    // the directory belongs to one key, so that the name can mean nothing else.
    properties["CACHE_MODEL_PATH"] = cache.name;
    compile_as(properties);
    try {
        return compiled_->get_property(ov::loaded_from_cache);
    } catch (const std::exception&) {
        return false;
    }
}

std::string Request::requirements() {
    try {
        return compiled_.value().get_property(ov::runtime_requirements);
    } catch (const std::exception&) {
        return {};  // the device has none
    }
}

std::string Request::weights_path() const {
    const auto path = std::filesystem::path(input_.path);
    if (path.extension() != ".xml") return {};
    return std::filesystem::path(path).replace_extension(".bin").string();
}

bool Request::exports_without_weights() {
    // Such a blob depends on where in the file each constant lies, which no graph tells.
    if (is_known_by_graph_) return false;
    return asks_for_weightless(properties_) && !device_.is_virtual && !weights_path().empty();
}

Result<void> Request::export_blob(runtime::BlobSink& sink) {
    SinkBuffer buffer(sink);
    std::ostream stream(&buffer);
    try {
        compiled_.value().export_model(stream);
    } catch (const std::bad_alloc&) {
        return fail(Errc::unsupported, "no memory to export the compiled model");
    } catch (const std::exception& error) {
        if (auto written = buffer.finish(); !written) return written;
        return fail(Errc::unsupported, "the device " + device_.asked +
                                           " cannot export this model: " + plain_message(error));
    }
    if (auto written = buffer.finish(); !written) return written;
    if (!stream) return fail(Errc::unsupported, "exporting the compiled model ended early");
    return {};
}

runtime::Compatibility Request::check(const std::string& requirements) {
    return openvino::check(core_, device_.asked, requirements);
}

std::vector<std::string_view> Request::unpacking_libraries() const {
    return unpacking_libraries_of(device_);
}

std::vector<std::string_view> Request::starting_libraries() const {
    auto libraries = unpacking_libraries();
    if (!libraries.empty()) libraries.emplace_back("libopenvino.so");
    return libraries;
}

// The base class of the plugins' own: made first, before the plugin asks for threads.
// ov::ICompiledModel(model, plugin, task executor, callback executor)
std::string_view Request::making_function() const {
    return "_ZN2ov14ICompiledModelC2ERKSt10shared_ptrIKNS_5ModelEERKS1_IKNS_7IPluginEE"
           "RKS1_INS_9threading13ITaskExecutorEESG_";
}

Result<void> Request::import_blob(const runtime::Blob& blob, bool without_weights) {
    const StageTimer timer(times_.import);
    auto properties = without_cache_control(properties_);
    // Makes an imported model answer the question truthfully.
    properties[ov::loaded_from_cache.name()] = !times_.compile.has_value();
    if (without_weights) {
        properties.insert(ov::cache_mode(ov::CacheMode::OPTIMIZE_SIZE));
        properties[ov::weights_path.name()] = weights_path();
    }
    try {
        compiled_ = core_.import_model(tensor_over(blob), device_.asked, properties);
        return name_ports();
    } catch (const std::exception& error) {
        return fail(Errc::incompatible,
                    "the runtime does not accept the kept model: " + plain_message(error));
    }
}

Result<void> Request::warm_up(std::chrono::nanoseconds limit) {
    try {
        return openvino::warm_up(compiled_.value(), limit);
    } catch (const std::exception& error) {
        return fail(Errc::unsupported, "the model does not run on zeros: " + plain_message(error));
    }
}

void Request::release_model() { model_.reset(); }

// The CPU plugin keeps the graph that it made of the model: its constants are the model's own, and
// those that were folded or converted on the way.
bool Request::compiled_holds_model() const { return device_.plugin == "CPU"; }

void Request::release_compiled() { compiled_.reset(); }

}  // namespace larder::internal::openvino
