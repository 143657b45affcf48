#include "cli/openvinos.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <tuple>

#include "cli/failure.h"
#include "cli/shared_object.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/trial.h"

namespace larder::cli {
namespace {

namespace fs = std::filesystem;

// The begin of a name that only an OpenVINO with the older std::string exports.
constexpr const char* k_old_name = "_ZN2ov4Core13compile_modelERKSsRKSt3mapISs";
constexpr const char* k_name_begin = "libopenvino.so";

// Returns "2026.3.1" for "libopenvino.so.2631"; empty if the name shows no version.
std::string version_in(const std::string& name) {
    const auto digits = name.substr(name.rfind('.') + 1);
    const bool tells =
        digits.size() == 4 && digits.find_first_not_of("0123456789") == std::string::npos;
    if (!tells) return {};
    return "20" + digits.substr(0, 2) + "." + digits[2] + "." + digits[3];
}

// Adds the environments of Python below a prefix: "lib/python3.11/site-packages".
void add_packages(const fs::path& prefix, std::vector<fs::path>& folders) {
    for (const auto* const lib : {"lib", "local/lib"}) {
        for (const auto& name : names_in((prefix / lib).string())) {
            if (!name.starts_with("python3")) continue;
            for (const auto* const packages : {"site-packages", "dist-packages"}) {
                folders.push_back(prefix / lib / name / packages / "openvino" / "libs");
            }
        }
    }
}

// Returns where the library may be in what a user names: the folder of a package, an environment,
// or the folder of an archive.
std::vector<fs::path> places_in(const fs::path& folder) {
    std::vector<fs::path> places{folder, folder / "libs", folder / "openvino" / "libs",
                                 folder / "lib"};
    for (const auto* const machine : {"intel64", "aarch64"}) {
        places.push_back(folder / "runtime" / "lib" / machine);
    }
    add_packages(folder, places);
    return places;
}

class Search {
public:
    Search() : hooks_(hooks()) {}

    void add_file(const fs::path& path) {
        const auto library = real_path(path);
        const auto is_it = [&](const OpenVino& known) { return known.library == library; };
        if (std::ranges::any_of(found_, is_it)) return;
        const auto object = read_shared_object(library, k_old_name);
        if (!object || !object->name.starts_with(k_name_begin)) return;
        OpenVino openvino;
        openvino.library = library;
        openvino.name = object->name;
        openvino.version = version_in(object->name);
        openvino.build_id = object->build_id;
        openvino.has_old_strings = object->has_symbol;
        for (const auto& hook : hooks_) {
            if (hook.openvino == openvino.name &&
                hook.has_old_strings == openvino.has_old_strings) {
                openvino.adapter = hook.folder;
            }
        }
        found_.push_back(std::move(openvino));
    }

    void add_folders(const std::vector<fs::path>& folders) {
        for (const auto& folder : folders) {
            for (const auto& name : names_in(folder.string())) {
                if (name.starts_with(k_name_begin)) add_file(folder / name);
            }
        }
    }

    // Adds what a user names.
    void add(const fs::path& path) {
        if (is_folder(path)) {
            add_folders(places_in(path));
        } else {
            add_file(path);
        }
        sort_from(0);
    }

    // Of those that were added from `begin` on, puts the newest with a hook first.
    void sort_from(std::size_t begin) {
        std::stable_sort(found_.begin() + static_cast<std::ptrdiff_t>(begin), found_.end(),
                         [](const OpenVino& a, const OpenVino& b) {
                             return std::tuple(!a.adapter.empty(), a.version) >
                                    std::tuple(!b.adapter.empty(), b.version);
                         });
    }

    [[nodiscard]] std::size_t size() const { return found_.size(); }
    [[nodiscard]] std::vector<OpenVino> take() { return std::move(found_); }

private:
    std::vector<Hook> hooks_;
    std::vector<OpenVino> found_;
};

// Returns where the loader looks for libraries, and where the hook looks for its own OpenVINO.
std::vector<fs::path> loader_folders() {
    std::vector<fs::path> folders;
    for (const auto& folder : library_folders()) folders.emplace_back(folder);
    if (const auto hook = read_shared_object(library_beside(k_hook_library))) {
        folders.insert(folders.end(), hook->run_path.begin(), hook->run_path.end());
    }
    return folders;
}

// The environments of the Pythons that a user can start by name, and of the system.
std::vector<fs::path> python_folders() {
    std::vector<fs::path> folders;
    for (const auto& folder : split(variable("PATH"), ':')) {
        if (folder.empty() || is_gone(fs::path(folder) / "python3")) continue;
        add_packages(fs::path(folder).parent_path(), folders);
    }
    add_packages("/usr", folders);
    if (const auto home = variable("HOME"); !home.empty()) {
        add_packages(fs::path(home) / ".local", folders);
    }
    for (const auto& name : names_in("/opt/intel")) {
        if (!name.starts_with("openvino")) continue;
        for (const auto* const machine : {"intel64", "aarch64"}) {
            folders.push_back(fs::path("/opt/intel") / name / "runtime" / "lib" / machine);
        }
    }
    return folders;
}

}  // namespace

std::vector<Hook> hooks() {
    std::vector<Hook> found;
    const fs::path adapters(library_beside("adapters"));
    std::vector<fs::path> folders;
    for (const auto& name : names_in(adapters.string())) folders.push_back(adapters / name);
    folders.push_back(adapters.parent_path());
    for (const auto& folder : folders) {
        const auto library = read_shared_object(folder / k_hook_library);
        if (!library) continue;
        Hook hook;
        hook.folder = folder;
        hook.build_id = library->build_id;
        for (const auto& needed : library->needed) {
            if (needed.starts_with(k_name_begin)) hook.openvino = needed;
            if (needed.starts_with("liblarder_store_old.")) hook.has_old_strings = true;
        }
        hook.version = version_in(hook.openvino);
        if (!hook.openvino.empty()) found.push_back(std::move(hook));
    }
    return found;
}

std::vector<OpenVino> openvinos(const std::filesystem::path& environment) {
    const auto wanted = variable(k_openvino_variable);
    Search search;
    if (!wanted.empty()) {
        search.add(wanted);
        if (search.size() == 0) {
            throw_usage("there is no OpenVINO in '" + wanted + "'",
                        "give a libopenvino.so, the folder 'openvino' of a Python package, or an "
                        "environment of Python");
        }
    }
    const auto add = [&](const std::vector<fs::path>& folders) {
        const auto begin = search.size();
        search.add_folders(folders);
        search.sort_from(begin);
    };
    add({fs::path(library_beside("../../openvino/libs")).lexically_normal()});
    if (!environment.empty()) add(places_in(environment));
    for (const auto* const name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
        if (const auto folder = variable(name); !folder.empty()) add(places_in(folder));
    }
    auto others = loader_folders();
    std::ranges::move(python_folders(), std::back_inserter(others));
    add(others);
    return search.take();
}

std::vector<OpenVino> openvinos_in(const std::filesystem::path& path) {
    Search search;
    search.add(path);
    return search.take();
}

std::string openvino_text(const OpenVino& openvino) {
    const auto version = openvino.version.empty() ? "" : openvino.version + " ";
    return "OpenVINO " + version + "('" + openvino.library.string() + "')";
}

OpenVino usable_openvino() {
    auto found = openvinos();
    if (!found.empty() && can_be_tried(found.front())) {
        const auto verdict = verdict_on(found.front(), load_settings().options);
        if (!verdict.refusal.empty()) throw CommandError({verdict.refusal, {}, k_failed});
        found.front().adapter = verdict.folder;
    }
    if (!found.empty() && !found.front().adapter.empty()) return std::move(found.front());
    const auto releases = served_releases();
    if (releases.empty()) {
        throw CommandError(
            {"larder has no hook for any OpenVINO", "install larder anew", k_failed});
    }
    auto other = found.empty() ? "none" : openvino_text(found.front());
    throw CommandError(
        {"larder is built for OpenVINO " + releases_text(releases) + ", and finds " + other,
         "python -m pip install openvino==" + releases.back() +
             ", or name one that is here: --openvino PATH",
         k_failed});
}

std::string releases_text(const std::vector<std::string>& releases) {
    constexpr std::size_t k_listed_max = 6;
    if (releases.size() <= k_listed_max) return join(releases, ", ");
    return releases.front() + " to " + releases.back() + " (" + std::to_string(releases.size()) +
           " releases)";
}

std::vector<std::string> served_releases() {
    std::vector<std::string> releases;
    if (preload_library().empty()) return releases;
    for (const auto& hook : hooks()) releases.push_back(hook.version);
    std::ranges::sort(releases);
    releases.erase(std::unique(releases.begin(), releases.end()), releases.end());
    return releases;
}

}  // namespace larder::cli
