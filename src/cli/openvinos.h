// The OpenVINOs of this machine: where they are, and which of them the program uses.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace larder::cli {

// The OpenVINO that the program is to use, as for --openvino; empty: the program chooses.
inline constexpr const char* k_openvino_variable = "LARDER_WITH_OPENVINO";

struct OpenVino {
    std::filesystem::path library;
    std::string name;     // by which other libraries ask for it: "libopenvino.so.2541"
    std::string version;  // "2025.4.1"; empty if the name tells none
    std::string build_id;
    bool has_old_strings = false;  // the std::string of before GCC 5
    // The folder with the hook and the verbs that are built for it; empty if there is none.
    std::filesystem::path adapter;
};

// A hook, and the OpenVINO that it is built for.
struct Hook {
    std::filesystem::path folder;
    std::string openvino;  // the name of its library
    std::string version;
    std::string build_id;
    bool has_old_strings = false;
};
inline constexpr const char* k_hook_library = "liblarder_hook.so";
// Beside the folders of hooks: the code of those that are the same for several releases. Such a
// hook loads it together with its OpenVINO.
inline constexpr const char* k_shared_folder = "shared";
// Beside a hook: each symbol that it imports of OpenVINO, with its size if that is one of a table
// of virtual functions, or of type information.
inline constexpr const char* k_surface_file = "liblarder_hook.symbols";
[[nodiscard]] std::vector<Hook> hooks();

// Returns all that are found, without loading them. The first is the one that the program uses: the
// one that --openvino names (a library, the folder of a package, or an environment); else that of
// the environment that larder is installed in; else of the active environment; else the newest that
// larder is built for. Throws CommandError if --openvino names none. `environment`, if it is not
// empty, comes after that of larder.
[[nodiscard]] std::vector<OpenVino> openvinos(const std::filesystem::path& environment = {});

// Returns those in a path, as --openvino takes one.
[[nodiscard]] std::vector<OpenVino> openvinos_in(const std::filesystem::path& path);

// Returns the one that the program uses. Tries it, if it is newer than larder (trial.h). Throws
// CommandError if there is none, or larder cannot use it.
[[nodiscard]] OpenVino usable_openvino();

// Returns "OpenVINO 2025.4.1 ('/path/libopenvino.so.2541')".
[[nodiscard]] std::string openvino_text(const OpenVino& openvino);

// Returns the releases of OpenVINO that larder has hooks for, the oldest first.
[[nodiscard]] std::vector<std::string> served_releases();
// Returns "2026.3.0, 2026.4.1", or "2024.3.0 to 2026.4.1 (18 releases)" if there are many.
[[nodiscard]] std::string releases_text(const std::vector<std::string>& releases);

}  // namespace larder::cli
