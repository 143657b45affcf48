#include "openvino/process_inputs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <utility>

#include <openvino/core/version.hpp>

#include "openvino/machine.h"
#include "os/environment.h"

namespace larder::internal::openvino {
namespace {

using Variables = std::map<std::string, std::string>;

// The names that oneDNN and the device's requirements use. The best comes first.
constexpr std::array<std::string_view, 15> k_instruction_sets{
    "Intel AVX10.2 and Intel AMX with float8, float16, bfloat16 and 8-bit integer support",
    "Intel AVX10.2",
    "Intel AVX10.1 and Intel AMX with bfloat16, float16 and 8-bit integer support",
    "Intel AVX10.1 and Intel AMX with bfloat16 and 8-bit integer support",
    "Intel AVX 10.1",
    "Intel AVX-512 with Intel DL Boost and bfloat16 support on Ymm/Zmm",
    "Intel AVX-512 with Intel DL Boost and bfloat16 support",
    "Intel AVX-512 with Intel DL Boost",
    "Intel AVX-512 with AVX512BW, AVX512VL, and AVX512DQ extensions",
    "Intel AVX2 with Intel DL Boost, float16 and bfloat16 support",
    "Intel AVX2 with Intel DL Boost",
    "Intel AVX2",
    "Intel AVX",
    "Intel SSE4.1",
    "Intel 64",
};

// Variables that OpenVINO, the devices and their libraries read, and that can change a blob.
constexpr std::array<std::string_view, 10> k_prefixes{
    "ONEDNN_",    "DNNL_",    "OV_CPU_", "OV_GPU_",        "OV_NPU_",
    "OV_TURBOQ_", "OV_GGUF_", "IE_NPU_", "OPENVINO_NPUW_", "IGC_",
};

// These affect logging, or the size of caches, and no blob.
constexpr std::array<std::string_view, 5> k_harmless{
    "VERBOSE", "LOG_LEVEL", "JIT_DUMP", "JIT_PROFILE", "PRIMITIVE_CACHE_CAPACITY",
};

constexpr std::array<std::string_view, 2> k_instruction_set_limits{
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
};

bool is_cpu(std::string_view device) { return device == "CPU" || device.starts_with("CPU."); }

bool is_limit(std::string_view name) {
    return std::ranges::find(k_instruction_set_limits, name) != k_instruction_set_limits.end();
}

bool is_harmless(std::string_view name) {
    return std::ranges::any_of(
        k_harmless, [&](auto part) { return name.find(part) != std::string_view::npos; });
}

Variables variables_now() {
    auto found = os::environment(k_prefixes);
    std::erase_if(found, [](const auto& variable) { return is_harmless(variable.first); });
    return found;
}

// Returns the variables as they were at this process's first request: the runtime reads many of
// them only once. No lock is held that a forked child could find taken.
const Variables& variables_at_first(const Variables& now) {
    static constinit std::atomic<const Variables*> first{nullptr};
    const auto* known = first.load();
    if (known != nullptr) return *known;
    auto mine = std::make_unique<const Variables>(now);
    if (first.compare_exchange_strong(known, mine.get())) known = mine.release();
    return *known;
}

std::string text_of_variable(const Variables& variables, const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? "unset" : "'" + found->second + "'";
}

}  // namespace

std::string instruction_set_in_use(ov::Core& core) {
    const std::string build = ov::get_openvino_version().buildNumber;
    const auto prefix = "meta=1.0;ov=" + build.substr(0, build.find('-')) + ";isa=";
    const auto is_used = [&](std::string_view name) {
        return check(core, "CPU", prefix + std::string(name)) == runtime::Compatibility::accepted;
    };
    // The device accepts one name, and usually always the same one.
    static constinit std::atomic<std::size_t> last{0};
    const auto guess = last.load();
    if (is_used(k_instruction_sets.at(guess))) return std::string(k_instruction_sets.at(guess));
    const auto found = std::ranges::find_if(k_instruction_sets, is_used);
    if (found == k_instruction_sets.end()) return {};
    last.store(static_cast<std::size_t>(found - k_instruction_sets.begin()));
    return std::string(*found);
}

std::map<std::string, std::string> process_inputs(ov::Core& core,
                                                  std::span<const std::string> devices) {
    Variables inputs;
    std::string instruction_set;
    if (std::ranges::any_of(devices, is_cpu)) instruction_set = instruction_set_in_use(core);
    if (!instruction_set.empty()) inputs[k_instruction_set_in_use] = instruction_set;
    const auto now = variables_now();
    const auto& first = variables_at_first(now);
    auto names = now;
    names.insert(first.begin(), first.end());
    for (const auto& [name, value] : names) {
        // The instruction set in use, which is an input already, reflects this variable.
        if (!instruction_set.empty() && is_limit(name)) continue;
        auto text = text_of_variable(first, name);
        if (const auto later = text_of_variable(now, name); later != text) {
            text.append(", then ").append(later);
        }
        inputs["process." + name] = std::move(text);
    }
    return inputs;
}

}  // namespace larder::internal::openvino
