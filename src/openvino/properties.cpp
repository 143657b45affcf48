#include "openvino/properties.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <vector>

#include <openvino/runtime/properties.hpp>

#include "openvino/compat.h"

namespace larder::internal::openvino {
namespace {

constexpr std::string_view k_nested = "DEVICE_PROPERTIES";

// Enough for the longest text of a double.
constexpr std::size_t k_number_size_max = 32;

// Returns the shortest text that reads as the same number, independent of any locale.
template <typename T>
std::string number_text(T value) {
    std::array<char, k_number_size_max> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

template <typename T>
std::string numbers_text(const std::vector<T>& values) {
    std::string text;
    for (const auto value : values) text += (text.empty() ? "" : " ") + number_text(value);
    return text;
}

// Returns the text of a number of whatever type; nothing if the value is not a number.
std::optional<std::string> text_of_number(const ov::Any& value) {
    if (value.is<float>()) return number_text(value.as<float>());
    if (value.is<double>()) return number_text(value.as<double>());
    if (value.is<std::vector<float>>()) return numbers_text(value.as<std::vector<float>>());
    if (value.is<std::vector<double>>()) return numbers_text(value.as<std::vector<double>>());
    return std::nullopt;
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

// Parses "{CPU:{CACHE_DIR:second},GPU:…}" like the runtime; the runtime's own parser never ends if
// the text ends inside the map.
std::optional<ov::AnyMap> parse_map(std::string_view text) {
    constexpr std::string_view k_blanks = " \t\n\v\f\r";
    std::size_t at = text.find_first_not_of(k_blanks);
    if (at == std::string_view::npos || text[at] != '{') return std::nullopt;
    ov::AnyMap map;
    for (++at;;) {
        const auto colon = text.find(':', at);
        if (colon == std::string_view::npos) return std::nullopt;
        const std::string name(text.substr(at, colon - at));
        std::string value;
        std::size_t depth = 0;
        for (at = colon + 1;; ++at) {
            if (at == text.size()) return std::nullopt;
            const char c = text[at];
            if (k_blanks.find(c) != std::string_view::npos) continue;
            if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') --depth;
            value += c;
        }
        map.emplace(name, value);
        const bool ends = text[at] == '}';
        ++at;
        if (ends) return map;
    }
}

// Returns a map that is given as a map or as a text.
std::optional<ov::AnyMap> as_map(const ov::Any& value) {
    if (value.is<ov::AnyMap>()) return value.as<ov::AnyMap>();
    if (value.is<std::string>()) return parse_map(value.as<std::string>());
    return std::nullopt;
}

bool holds_cache_control(const ov::AnyMap& properties) {
    return std::ranges::any_of(properties, [](const auto& property) {
        if (is_cache_control(property.first)) return true;
        const auto inner = as_map(property.second);
        return inner && holds_cache_control(*inner);
    });
}

}  // namespace

bool is_cache_control(std::string_view name) {
    static const std::set<std::string, std::less<>> k_names{
        "CACHE_DIR",     "CACHE_PATH",        "CACHE_MODE",        "CACHE_MODEL_PATH",
        "CACHE_BLOB_ID", "LOADED_FROM_CACHE", "ENABLE_WEIGHTLESS", "NPUW_CACHE_DIR",
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
    static const std::set<std::string, std::less<>> k_gpu{
        "DEVICE_ID",  // the device that it chooses is asked for its own facts
        "COMPILATION_NUM_THREADS",
        "ENABLE_CPU_PINNING",
        "ENABLE_CPU_RESERVATION",
        "GPU_HOST_TASK_PRIORITY",
        "GPU_QUEUE_THROTTLE",
    };
    static const std::set<std::string, std::less<>> k_other{"LOG_LEVEL"};
    static const std::set<std::string, std::less<>> k_none;
    if (!compat::is_own_release()) return k_none;  // not proven there
    if (device == "CPU") return k_cpu;
    return device == "GPU" && compat::k_is_tested_on_gpu ? k_gpu : k_other;
}

std::set<std::string, std::less<>> run_time_properties_behind(std::string_view plugin,
                                                              std::string_view device) {
    auto names = run_time_properties(device);
    if (device != "GPU") return names;
    if (plugin == "BATCH") return {};  // not proven there
    // DEVICE_ID reaches the blob: a blob of HETERO names the device.
    names.erase("DEVICE_ID");
    return names;
}

ov::AnyMap without_cache_control(const ov::AnyMap& properties) {
    ov::AnyMap kept;
    for (const auto& [name, value] : properties) {
        if (is_cache_control(name)) continue;
        const auto inner = as_map(value);
        const bool changes = inner && holds_cache_control(*inner);
        kept.emplace(name, changes ? ov::Any(without_cache_control(*inner)) : value);
    }
    return kept;
}

std::map<std::string, ov::AnyMap> by_device(const ov::AnyMap& properties,
                                            const std::string& device) {
    std::map<std::string, ov::AnyMap> said;
    auto& own = said[""];
    const auto add = [&](const std::string& name, const ov::AnyMap& inner) {
        for (const auto& [property, value] : inner) said[name].insert_or_assign(property, value);
    };
    for (const auto& [name, value] : properties) {
        const auto inner = name.starts_with(k_nested) ? as_map(value) : std::nullopt;
        if (!inner) {
            own.emplace(name, value);
        } else if (name.size() > k_nested.size() + 1) {
            add(name.substr(k_nested.size() + 1), *inner);  // DEVICE_PROPERTIES_CPU
        } else {
            for (const auto& [member, said_for_it] : *inner) {
                if (const auto properties_of_it = as_map(said_for_it)) {
                    add(member, *properties_of_it);
                } else {
                    own[std::string(name).append("_").append(member)] = said_for_it;
                }
            }
        }
    }
    // Properties given for a device by its name take precedence.
    if (const auto named = said.find(device); named != said.end() && !device.empty()) {
        for (const auto& [name, value] : named->second) own.insert_or_assign(name, value);
        said.erase(named);
    }
    return said;
}

std::optional<std::string> canonical_text(const ov::Any& value, const ov::Any& like) {
    try {
        if (value.empty()) return std::string{};
        if (value.is<ov::AnyMap>()) return map_text(value.as<ov::AnyMap>());
        // Other texts stay unchanged: the device that reads them may not take them for a map.
        if (const auto map = as_map(value); map && holds_cache_control(*map)) return map_text(*map);
        if (like.is<bool>()) return value.as<bool>() ? "true" : "false";
        // Reads the value as the type that the device reads it as.
        if (like.is<float>()) return number_text(value.as<float>());
        if (like.is<double>()) return number_text(value.as<double>());
        if (like.is<std::uint64_t>()) return number_text(value.as<std::uint64_t>());
        if (like.is<int>() || like.is<std::int64_t>() || like.is<unsigned>()) {
            return number_text(value.as<std::int64_t>());
        }
        if (auto number = text_of_number(value)) return number;
        if (like.is<ov::element::Type>()) return value.as<ov::element::Type>().to_string();
        auto text = value.as<std::string>();
        // The runtime prints values that it cannot print, such as callbacks, as nothing.
        if (text.empty() && like.empty() && !value.is<std::string>()) return std::nullopt;
        return text;
    } catch (const std::exception&) {
        // The value does not have the type that the device reports; compiling will judge it.
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
    const auto weightless = properties.find(compat::k_enable_weightless);
    return weightless != properties.end() &&
           canonical_text(weightless->second, ov::Any(true)) == std::optional<std::string>("true");
}

}  // namespace larder::internal::openvino
