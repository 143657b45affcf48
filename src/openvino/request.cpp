#include "openvino/request.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <locale>
#include <ostream>

#include <openvino/runtime/properties.hpp>

#include "openvino/auto_batch.h"
#include "openvino/blob_stream.h"
#include "openvino/compat.h"
#include "openvino/core_extensions.h"
#include "openvino/device_fault.h"
#include "openvino/foreign_code.h"
#include "openvino/graph_fingerprint.h"
#include "openvino/machine.h"
#include "openvino/properties.h"
#include "openvino/read_model.h"
#include "openvino/refused_operation.h"
#include "openvino/settled_properties.h"
#include "openvino/topology_codec.h"
#include "openvino/warm_up.h"
#include "openvino/weights.h"
#include "os/system.h"
#include "process/known_state.h"

namespace larder::internal::openvino {
namespace {

using Time = std::chrono::steady_clock;

// Adds its lifetime to a stage's total, so that a stage that throws is timed too.
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

// Returns the informative part of an OpenVINO message: its first lines name source files.
std::string plain_message(const std::exception& error) {
    std::string text = error.what();
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.pop_back();
    }
    const auto last = text.rfind('\n');
    return last == std::string::npos ? text : text.substr(last + 1);
}

bool maps_files(const ov::Core& core, const ov::AnyMap& properties) {
    const auto given = properties.find(ov::enable_mmap.name());
    try {
        return given != properties.end() ? given->second.as<bool>()
                                         : core.get_property("", ov::enable_mmap);
    } catch (const std::exception&) {
        return true;  // what is wrong with the value is for the runtime to say
    }
}

// The runtime writes and reads blobs through streams.
constexpr const char* k_other_streams =
    "numbers are written in another way under the C++ locale that the program has set";

}  // namespace

Request::Request(ov::Core& core, ModelInput input, const Target& target, ov::AnyMap properties)
    : core_(core),
      input_(std::move(input)),
      device_(parse_device(target.device, properties)),
      context_(target.context),
      properties_(std::move(properties)),
      encryption_(Encryption::of(properties_)),
      model_(input_.model) {}

Request::~Request() = default;

ov::CompiledModel Request::take() { return std::move(compiled_).value(); }

Result<runtime::Identity> Request::identify() {
    if (!process::streams_are_plain()) {
        runtime::Identity identity;
        identity.reason = k_other_streams;
        return identity;
    }
    if (context_) {
        if (auto obstacle = obstacle_to_keeping(*context_); !obstacle.empty()) {
            runtime::Identity identity;
            identity.reason = std::move(obstacle);
            return identity;
        }
    }
    const process::KnownState known;
    auto identity = openvino::identify(core_, device_, without_encryption(properties_));
    identity.maps_files = maps_files(core_, properties_);
    if (identity.caching == runtime::Caching::blob && device_.plugin == "CPU" && input_.model) {
        // Before the model is hashed, because hashing takes longer.
        identity.doubt = doubt_about(*input_.model);
    }
    // Extensions change what is read from files. A GGUF is not read through the core.
    if (input_.model || is_gguf(input_.path)) return identity;
    switch (extensions_of(core_)) {
        case CoreExtensions::none: break;
        case CoreExtensions::libraries:
            std::ranges::copy(extension_libraries(), std::back_inserter(identity.code));
            break;
        case CoreExtensions::objects:
            if (input_.path.empty()) break;  // the caller vouches for the built model
            identity.model_content = runtime::ModelContent::graph;
            is_known_by_graph_ = true;
            break;
    }
    return identity;
}

std::optional<std::string> Request::find_refusal() {
    const process::KnownState known;
    auto refused = refused_operation(core_, *input_.model, device_.asked, own_properties());
    if (!refused || refused->empty()) return refused;
    return "the device " + device_.asked + " does not import what it exports of models with " +
           *refused;
}

ov::AnyMap Request::own_properties() const {
    auto properties = without_cache_control(properties_);
    // A directory that is set on the core would create a second cache below larder's.
    properties[ov::cache_dir.name()] = std::string{};
    return properties;
}

Result<Digest> Request::fingerprint_model(runtime::MemoryHasher& hasher) {
    const process::KnownState known;
    try {
        const auto order =
            device_.plugin == "CPU" ? VariableOrder::does_not_count : VariableOrder::counts;
        return fingerprint_graph(*model(), hasher, order);
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
        const auto& path = read_path_.empty() ? input_.path : read_path_;
        if (input_.model) {
            model_ = input_.model;
        } else if (input_.build) {
            model_ = input_.build();
        } else {
            const process::KnownState known;
            auto read = read_model(core_, path);
            // If the weights cannot be moved, they stay in memory.
            const bool moves = scratch_ && is_gguf(path) && compat::is_own_release();
            if (moves) static_cast<void>(move_weights(*read, *scratch_));
            model_ = std::move(read);
        }
        scratch_.reset();
        read_path_owner_.reset();
        OPENVINO_ASSERT(model_ != nullptr, "The model builder returned no model");
    }
    return model_;
}

// The function that builds a model is the program's: it runs in the thread state that it expects.
void Request::compile_as(const ov::AnyMap& properties, State state) {
    const auto& source = model();
    std::optional<process::KnownState> known;
    if (state == State::known) known.emplace();
    const StageTimer timer(times_.compile);
    compiled_ = context_ ? core_.compile_model(source, *context_, properties)
                         : core_.compile_model(source, device_.asked, properties);
}

void Request::read_from(std::string path, std::shared_ptr<const void> owner) {
    read_path_ = std::move(path);
    read_path_owner_ = std::move(owner);
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
    if (input_.path.empty() || is_gguf(input_.path) || !read_path_.empty()) {
        compile_as(properties_, State::own);
        return;
    }
    const StageTimer timer(times_.compile);
    compiled_ = core_.compile_model(input_.path, device_.asked, properties_);
}

void Request::compile() {
    auto properties = own_properties();
    if (exports_without_weights()) {
        properties.insert(ov::cache_mode(ov::CacheMode::OPTIMIZE_SIZE));
    }
    compile_as(properties, State::known);
}

bool Request::compile_with(const runtime::PrivateCache& cache) {
    auto properties = without_cache_control(properties_);
    if (!settled_.empty()) {
        const auto settled = settled_beside_cache(core_, device_, settled_);
        properties = with_settled(core_, device_, properties, settled);
    }
    properties[ov::cache_dir.name()] = cache.directory;
    // If the model has a name, the runtime neither hashes its weights nor looks at any path. The
    // name is unambiguous, because the directory belongs to one key.
    properties["CACHE_MODEL_PATH"] = cache.name;
    compile_as(properties, State::known);
    try {
        return compiled_->get_property(ov::loaded_from_cache);
    } catch (const std::exception&) {
        return false;
    }
}

// A context gives the device behind it no directory.
bool Request::may_be_wrapped() {
    if (context_) return false;
    const process::KnownState known;
    return may_be_batched(core_, device_, properties_, *model());
}

bool Request::is_wrapped() {
    const process::KnownState known;
    return is_batched(compiled_.value());
}

// AUTO lets the CPU begin, and says so in brackets.
bool Request::is_stood_in_for() {
    const process::KnownState known;
    try {
        const auto devices = compiled_.value().get_property(ov::execution_devices);
        return std::ranges::any_of(devices, [](const auto& name) { return name.starts_with('('); });
    } catch (const std::exception&) {
        return false;  // the device does not report this
    }
}

std::string Request::requirements() {
    const process::KnownState known;
    try {
        return compiled_.value().get_property(compat::k_runtime_requirements).as<std::string>();
    } catch (const std::exception&) {
        return {};  // the device has no requirements
    }
}

std::string Request::weights_path() const {
    const auto path = std::filesystem::path(input_.path);
    if (path.extension() != ".xml") return {};
    return std::filesystem::path(path).replace_extension(".bin").string();
}

bool Request::copies_blob() { return device_.plugin == "GPU" || device_.plugin == "NPU"; }

bool Request::exports_without_weights() {
    // Such a blob depends on where in the file each constant lies, which a graph does not show.
    if (is_known_by_graph_) return false;
    return asks_for_weightless(properties_) && !device_.is_virtual && !weights_path().empty();
}

// For static shapes the blob contains all kernels.
bool Request::makes_kernels() { return device_.plugin == "GPU" && model()->is_dynamic(); }

// For a context of the program, only `import_model` takes a blob.
bool Request::takes_kernels() { return !context_ || is_default(core_, *context_); }

Result<void> Request::export_blob(runtime::BlobSink& sink) {
    SinkBuffer buffer(sink);
    std::ostream stream(&buffer);
    stream.imbue(std::locale::classic());
    const process::KnownState known;
    if (!process::streams_are_plain()) return fail(Errc::unsupported, k_other_streams);
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
    if (!stream) return fail(Errc::unsupported, "exporting the compiled model stopped early");
    if (!process::streams_are_plain()) return fail(Errc::unsupported, k_other_streams);
    return {};
}

runtime::Compatibility Request::check(const std::string& requirements) {
    const process::KnownState known;
    return openvino::check(core_, device_in_use(), requirements);
}

std::string Request::settled_properties() {
    if (!compiled_) return {};
    const process::KnownState known;
    return openvino::settled_properties(core_, device_, properties_, *compiled_);
}

std::string Request::device_in_use() const {
    const auto said = by_device(properties_, device_.asked);
    return openvino::device_in_use(core_, device_, said.at(""));
}

std::vector<std::string_view> Request::unpacking_libraries() const {
    return unpacking_libraries_of(device_);
}

std::vector<std::string_view> Request::starting_libraries() const {
    auto libraries = unpacking_libraries();
    if (!libraries.empty()) libraries.emplace_back("libopenvino.so");
    return libraries;
}

// The mangled name of the constructor of the plugins' base class, which runs before the plugin
// starts threads: ov::ICompiledModel(model, plugin, task executor, callback executor)
std::string_view Request::making_function() const {
    return "_ZN2ov14ICompiledModelC2ERKSt10shared_ptrIKNS_5ModelEERKS1_IKNS_7IPluginEE"
           "RKS1_INS_9threading13ITaskExecutorEESG_";
}

Result<void> Request::import_blob(const runtime::Blob& blob, bool without_weights) {
    const StageTimer timer(times_.import);
    auto model = imported(blob, without_weights);
    if (!model) return fail(std::move(model.error()));
    compiled_ = std::move(*model);
    return name_ports();
}

// Skipped on other devices, because a second import would take device memory twice.
Result<ov::CompiledModel> Request::imported(const runtime::Blob& blob, bool without_weights) {
    const process::KnownState known;
    auto properties = with_settled(core_, device_, without_cache_control(properties_), settled_);
    // Makes ov::loaded_from_cache of an imported model true unless this request compiled it.
    properties[ov::loaded_from_cache.name()] = !times_.compile.has_value();
    if (without_weights) {
        properties.insert(ov::cache_mode(ov::CacheMode::OPTIMIZE_SIZE));
        properties[compat::k_weights_path] = weights_path();
    }
    if (!process::streams_are_plain()) return fail(Errc::busy, k_other_streams);
    try {
        auto model = import_with(blob, properties, without_weights);
        if (!process::streams_are_plain()) return fail(Errc::busy, k_other_streams);
        return model;
    } catch (const std::bad_alloc&) {
        return fail(Errc::busy, "there is too little memory to import the kept model");
    } catch (const std::exception& error) {
        const bool is_of_moment =
            is_fault_of_device(error.what()) || is_for_want_of_memory(error, blob.bytes.size());
        return fail(is_of_moment ? Errc::busy : Errc::incompatible,
                    "the runtime does not accept the kept model: " + plain_message(error));
    }
}

ov::CompiledModel Request::import_with(const runtime::Blob& blob, const ov::AnyMap& properties,
                                       bool without_weights) {
    if (device_.plugin == "CPU" && compat::k_has_encryption) {
        const TopologyCodec codec(
            encryption_ ? std::optional(encryption_->callbacks()) : std::nullopt,
            without_weights ? TopologyCodec::Holds::no_weights : TopologyCodec::Holds::weights);
        auto with_codec = properties;
        with_codec[compat::k_cache_encryption_callbacks] = codec.callbacks();
        try {
            return compat::import_model(core_, tensor_over(codec.bound_to(blob)), device_.asked,
                                        with_codec);
        } catch (const std::exception&) {
            if (!codec.is_unknown()) throw;
        }
    }
    if (!kernels_.empty() && compat::is_own_release()) {
        if (auto model = import_with_kernels(blob, properties, without_weights)) return *model;
    }
    if (context_) return compat::import_model(core_, tensor_over(blob), *context_, properties);
    return compat::import_model(core_, tensor_over(blob), device_.asked, properties);
}

// `import_model` ignores the directory. `compile_model` uses it, and imports a blob that is given
// in place of the model; a blob without weights is imported only together with the model.
std::optional<ov::CompiledModel> Request::import_with_kernels(const runtime::Blob& blob,
                                                              const ov::AnyMap& properties,
                                                              bool without_weights) {
    auto with_kernels = properties;
    with_kernels[ov::cache_dir.name()] = kernels_;
    with_kernels[compat::k_compiled_blob] = tensor_over(blob);
    try {
        const auto beside = without_weights ? model()
                                            : std::make_shared<const ov::Model>(
                                                  ov::OutputVector{}, ov::ParameterVector{});
        auto model = core_.compile_model(beside, device_.asked, with_kernels);
        // If it does not accept the blob, it throws, or compiles the empty model.
        if (!model.outputs().empty()) return model;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception&) {
        return std::nullopt;
    }
    return std::nullopt;
}

Result<void> Request::warm_up(std::chrono::nanoseconds limit) {
    const process::KnownState known;
    try {
        return openvino::warm_up(compiled_.value(), limit);
    } catch (const std::exception& error) {
        return fail(Errc::unsupported,
                    "the model fails on inputs of zeros: " + plain_message(error));
    }
}

void Request::release_model() { model_.reset(); }

// The CPU plugin keeps the graph that it compiled: its constants are those of the model, and those
// that were folded or converted.
bool Request::compiled_holds_model() const { return device_.plugin == "CPU"; }

void Request::release_compiled() { compiled_.reset(); }

}  // namespace larder::internal::openvino
