#include "openvino/properties.h"

#include <sstream>

#include <openvino/runtime/properties.hpp>

namespace larder::internal::openvino {
namespace {

template <typename T>
std::optional<std::string> text_as(const ov::Any& value) {
    std::ostringstream text;
    if constexpr (std::is_same_v<T, bool>) {
        text << (value.as<bool>() ? "true" : "false");
    } else {
        text << value.as<T>();
    }
    return text.str();
}

std::optional<std::string> map_text(const ov::AnyMap& map) {
    std::ostringstream text;
    text << '{';
    for (const auto& [name, value] : map) {
        if (is_cache_control(name)) continue;
        const auto inner = canonical_text(value, {});
        if (!inner) return std::nullopt;
        text << name << '=' << inner->size() << ':' << *inner << ';';
    }
    text << '}';
    return text.str();
}

}  // namespace

bool is_cache_control(std::string_view name) {
    static const std::set<std::string, std::less<>> k_names{
        "CACHE_DIR",     "CACHE_PATH",        "CACHE_MODE",        "CACHE_MODEL_PATH",
        "CACHE_BLOB_ID", "LOADED_FROM_CACHE", "ENABLE_WEIGHTLESS", "CACHE_QUANTIZATION_MODE",
        "ENABLE_MMAP",   "WEIGHTS_PATH",
    };
    return k_names.contains(name);
}

const std::set<std::string, std::less<>>& run_time_properties(std::string_view device) {
    static const std::set<std::string, std::less<>> k_cpu{
        "NUM_STREAMS",
        "INFERENCE_NUM_THREADS",
        "PERF_COUNT",
        "PERFORMANCE_HINT",
        "PERFORMANCE_HINT_NUM_REQUESTS",
        "ENABLE_CPU_PINNING",
        "ENABLE_CPU_RESERVATION",
        "ENABLE_HYPER_THREADING",
        "SCHEDULING_CORE_TYPE",
        "LOG_LEVEL",
    };
    static const std::set<std::string, std::less<>> k_other{"LOG_LEVEL"};
    return device == "CPU" ? k_cpu : k_other;
}

ov::AnyMap without_cache_control(const ov::AnyMap& properties) {
    ov::AnyMap kept;
    for (const auto& [name, value] : properties) {
        if (is_cache_control(name)) continue;
        kept.emplace(name, value.is<ov::AnyMap>()
                               ? ov::Any(without_cache_control(value.as<ov::AnyMap>()))
                               : value);
    }
    return kept;
}

std::optional<std::string> canonical_text(const ov::Any& value, const ov::Any& like) {
    try {
        if (value.empty()) return std::string{};
        if (value.is<ov::AnyMap>()) return map_text(value.as<ov::AnyMap>());
        if (like.is<bool>()) return text_as<bool>(value);
        if (like.is<float>() || like.is<double>()) return text_as<double>(value);
        if (like.is<int>() || like.is<std::int64_t>() || like.is<unsigned>() ||
            like.is<std::uint64_t>()) {
            return text_as<std::int64_t>(value);
        }
        if (like.is<ov::element::Type>()) return value.as<ov::element::Type>().to_string();
        auto text = value.as<std::string>();
        // What the runtime cannot print, such as a callback, it prints as nothing.
        if (text.empty() && like.empty() && !value.is<std::string>()) return std::nullopt;
        return text;
    } catch (const std::exception&) {
        // Not of the type the device reports: the runtime will judge it when it compiles.
        if (!like.empty()) return canonical_text(value, {});
        return std::nullopt;
    }
}

bool asks_for_weightless(const ov::AnyMap& properties) {
    const auto mode = properties.find(ov::cache_mode.name());
    if (mode != properties.end() &&
        canonical_text(mode->second, {}) == std::optional<std::string>("OPTIMIZE_SIZE")) {
        return true;
    }
    const auto weightless = properties.find(ov::enable_weightless.name());
    return weightless != properties.end() &&
           canonical_text(weightless->second, ov::Any(true)) == std::optional<std::string>("true");
}

}  // namespace larder::internal::openvino
