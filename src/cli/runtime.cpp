#include "cli/runtime.h"

#include <algorithm>

#include "cli/failure.h"
#include "cli/surroundings.h"

namespace larder::cli {
namespace {

// Returns "2026.3.1" for "libopenvino.so.2631", and for "2631-old"; empty if the name shows no
// version.
std::string version_in(const std::string& name) {
    const auto end = name.substr(name.rfind('.') + 1);
    const auto digits = end.substr(0, end.find('-'));
    const bool tells =
        digits.size() == 4 && digits.find_first_not_of("0123456789") == std::string::npos;
    if (!tells) return {};
    return "20" + digits.substr(0, 2) + "." + digits[2] + "." + digits[3];
}

std::string other_openvino() {
    const auto library = find_library("libopenvino.so.");
    if (library.empty() || library.ends_with(LARDER_OPENVINO_SONAME)) return {};
    const auto version = version_in(library);
    return version.empty() ? "'" + library + "'" : version + " ('" + library + "')";
}

Failure cannot_open(const std::string& error) {
    const std::string needed = "larder is built for OpenVINO " LARDER_OPENVINO_VERSION;
    const std::string remedy = "python -m pip install openvino==" LARDER_OPENVINO_VERSION
                               ", or run OpenVINO's setupvars.sh, so that the loader finds it";
    if (const auto other = other_openvino(); !other.empty()) {
        return {needed + ", and finds " + other, remedy, k_failed};
    }
    if (error.find(LARDER_OPENVINO_SONAME) != std::string::npos) {
        return {needed + ", and finds none", remedy, k_failed};
    }
    return {needed + ", and cannot open the library that uses it: " + error, "reinstall larder",
            k_failed};
}

}  // namespace

std::vector<std::string> served_releases() {
    std::vector<std::string> releases;
    if (!preload_library().empty()) releases.emplace_back(LARDER_OPENVINO_VERSION);
    for (const auto& folder : hook_folders()) releases.push_back(version_in(folder));
    std::ranges::sort(releases);
    return releases;
}

Runtime& runtime() {
    static Runtime* const opened = [] {
        std::string error;
        auto* const open = reinterpret_cast<OpenRuntime*>(
            function_of(library_beside(k_runtime_module), k_runtime_entry, error));
        if (open == nullptr) throw CommandError(cannot_open(error));
        return open();
    }();
    return *opened;
}

}  // namespace larder::cli
