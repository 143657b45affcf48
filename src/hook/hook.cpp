// Replacements for the overloads of ov::Core::compile_model: each asks the process's larder, and
// OpenVINO if that fails; and for the overloads of read_model, which remember the file.
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openvino/core/except.hpp>
#include <openvino/core/version.hpp>
#include <openvino/runtime/core.hpp>

#include "hook/process.h"
#include "hook/read_files.h"
#include "hook/table.h"
#include "larder/larder.hpp"

namespace larder::hook {
namespace {

using ModelPointer = std::shared_ptr<const ov::Model>;

// OpenVINO's own choice if a program names no device.
constexpr const char* k_default_device = "AUTO";

// Set by the preload before any call reaches the hook.
constinit std::array<std::atomic<void*>, larder_entry_point_count> openvino_functions{};

// On this thread, the hook or OpenVINO itself is at work: their compiles are not the program's.
thread_local constinit bool is_inside = false;

// Never destroyed: threads may read models until the process is gone.
ReadFiles& read_files() {
    static auto* const files = new ReadFiles;
    return *files;
}

class Inside {
public:
    Inside() : before_(is_inside) { is_inside = true; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { is_inside = before_; }

private:
    bool before_;
};

// Mode::cache_only, and there is no entry for the model.
class Miss final : public ov::Exception {
public:
    explicit Miss(const Error& error)
        : ov::Exception("larder: " + std::string(error.what()) + "; " + error.remedy()) {}
};

// Returns nothing if larder would read something that OpenVINO does not.
std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core,
                                     const std::filesystem::path& path, const std::string& device,
                                     const ov::AnyMap& properties) {
    if (path.extension() == ".gguf") return std::nullopt;
    return cache.compile_model(core, path, device, properties).model;
}

std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core, const std::string& path,
                                     const std::string& device, const ov::AnyMap& properties) {
    return ask(cache, core, std::filesystem::path(path), device, properties);
}

std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core, const std::wstring& path,
                                     const std::string& device, const ov::AnyMap& properties) {
    return ask(cache, core, std::filesystem::path(path), device, properties);
}

std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core, const ModelPointer& model,
                                     const std::string& device, const ov::AnyMap& properties) {
    auto file = read_files().find(model);
    if (file.empty()) return cache.compile_model(core, model, device, properties).model;
    return cache.compile_model(core, ReadModel{model, std::move(file)}, device, properties).model;
}

std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core, const ModelPointer& model,
                                     const ov::RemoteContext& context,
                                     const ov::AnyMap& properties) {
    return cache.compile_model(core, model, context, properties).model;
}

std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core, const std::string& model,
                                     const ov::Tensor& weights, const std::string& device,
                                     const ov::AnyMap& properties) {
    return ask(cache, core, ModelPointer(core.read_model(model, weights)), device, properties);
}

template <typename Model>
std::optional<ov::CompiledModel> ask(Cache& cache, ov::Core& core, const Model& model,
                                     const ov::AnyMap& properties) {
    return ask(cache, core, model, k_default_device, properties);
}

template <typename Ask, typename CallOpenVino>
ov::CompiledModel serve(const Ask& ask_larder, const CallOpenVino& call_openvino) {
    // A program that is linked to larder has a cache of its own.
    const auto larder = is_inside || is_serving() ? nullptr : process_larder();
    const Inside inside;
    if (!larder) return call_openvino();
    std::string failure;
    try {
        if (auto model = ask_larder(larder->cache)) return *std::move(model);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::miss) throw Miss(error);
        failure = error.what();
    } catch (const std::exception& error) {
        if (larder->fails_on_miss()) throw;
        failure = error.what();
    }
    // The text of OpenVINO's exception may differ from that for the program's own call. If the
    // fault is OpenVINO's own, this call throws it again, and the program sees no difference.
    auto model = call_openvino();
    if (!failure.empty()) warn_once("a model was compiled without larder: " + failure);
    return model;
}

// `Arguments` are the parameters after the core in the signature, all of them references.
template <LarderEntryPoint entry_point, typename... Arguments>
struct StandIn {
    using Function = ov::CompiledModel (*)(ov::Core*, const Arguments&...);

    // The caller of a member function passes `this` in the same way as this function takes `core`.
    static ov::CompiledModel compile_model(ov::Core* core, const Arguments&... arguments) {
        return serve([&](Cache& cache) { return ask(cache, *core, arguments...); },
                     [&] {
                         auto* const function = openvino_functions.at(entry_point).load();
                         return reinterpret_cast<Function>(function)(core, arguments...);
                     });
    }

    static void place_into(void** replacements) {
        replacements[entry_point] = reinterpret_cast<void*>(&compile_model);
    }
};

// As StandIn, of read_model from a file.
template <LarderEntryPoint entry_point, typename File>
struct Reader {
    using Model = std::shared_ptr<ov::Model>;
    using Function = Model (*)(const ov::Core*, const File&, const File&, const ov::AnyMap&);

    static Model read_model(const ov::Core* core, const File& file, const File& weights,
                            const ov::AnyMap& properties) {
        auto* const function = openvino_functions.at(entry_point).load();
        const bool is_the_programs = !is_inside && !is_serving();
        Model model;
        {
            const Inside inside;
            model = reinterpret_cast<Function>(function)(core, file, weights, properties);
        }
        try {
            if (is_the_programs) {
                // A string for some overloads.
                // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
                const std::filesystem::path path(file);
                // The program may go elsewhere before it compiles.
                auto whole =
                    std::filesystem::absolute(path);  // tidy-allow(filesystem): touches none
                read_files().note(model, std::move(whole));
            }
        } catch (const std::exception&) {
            // It goes without a name.
        }
        return model;
    }

    static void place_into(void** replacements) {
        replacements[entry_point] = reinterpret_cast<void*>(&read_model);
    }
};

using Text = std::string;
using WideText = std::wstring;
using Path = std::filesystem::path;
using Properties = ov::AnyMap;

void place_replacements(void** into) {
    StandIn<larder_model, ModelPointer, Properties>::place_into(into);
    StandIn<larder_model_device, ModelPointer, Text, Properties>::place_into(into);
    StandIn<larder_path, Path, Properties>::place_into(into);
    StandIn<larder_path_device, Path, Text, Properties>::place_into(into);
    StandIn<larder_string, Text, Properties>::place_into(into);
    StandIn<larder_string_device, Text, Text, Properties>::place_into(into);
    StandIn<larder_wstring, WideText, Properties>::place_into(into);
    StandIn<larder_wstring_device, WideText, Text, Properties>::place_into(into);
    StandIn<larder_memory_device, Text, ov::Tensor, Text, Properties>::place_into(into);
    StandIn<larder_model_context, ModelPointer, ov::RemoteContext, Properties>::place_into(into);
    Reader<larder_read_path, Path>::place_into(into);
    Reader<larder_read_string, Text>::place_into(into);
    Reader<larder_read_wstring, WideText>::place_into(into);
}

bool is_known_version(std::string_view build_number) {
    const auto release = std::string(build_number.substr(0, build_number.find('-'))) + ' ';
    return std::string_view(LARDER_SERVED_RELEASES " ").find(release) != std::string_view::npos;
}

}  // namespace
}  // namespace larder::hook

const char* larder_hook_open(const LarderRuntime* runtime, void** replacements) {
    using namespace larder::hook;
    if (runtime->get_openvino_version != reinterpret_cast<void*>(&ov::get_openvino_version)) {
        return "this process has more than one OpenVINO";
    }
    if (!runtime->was_tried && !is_known_version(ov::get_openvino_version().buildNumber)) {
        return "the OpenVINO of this program is not of the version that larder is built for";
    }
    for (std::size_t i = 0; i < openvino_functions.size(); ++i) {
        openvino_functions.at(i).store(runtime->functions[i]);
    }
    place_replacements(replacements);
    return nullptr;
}

void larder_hook_renew() { larder::hook::renew_process_larder(); }
