#include "cli/trial.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>  // tidy-allow(streams): verdicts and copies of larder's own libraries
#include <iterator>
#include <optional>
#include <system_error>

#include "cli/child.h"
#include "cli/json.h"
#include "cli/other_program.h"
#include "cli/quantity.h"
#include "cli/runtime.h"
#include "cli/shared_object.h"
#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

namespace fs = std::filesystem;

// Against a hang: a trial takes a second or two, on a busy machine perhaps ten times as long.
constexpr std::chrono::seconds k_trial_timeout{120};
constexpr const char* k_verdict_file = "verdict.json";
constexpr std::array<const char*, 2> k_libraries{k_hook_library, k_runtime_module};

fs::path verdicts_folder(const Options& options) { return options.state_directory / "openvino"; }

// Returns the newest hook for an older OpenVINO with the same std::string.
std::optional<Hook> hook_to_try(const OpenVino& openvino) {
    std::optional<Hook> newest;
    for (const auto& hook : hooks()) {
        const bool fits = hook.has_old_strings == openvino.has_old_strings &&
                          hook.version < openvino.version &&
                          hook.openvino.size() == openvino.name.size();
        if (fits && (!newest || hook.version > newest->version)) newest = hook;
    }
    return newest;
}

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Returns a member of a verdict; empty if the file was changed by others.
std::string text_in(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool write_whole(const fs::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    return stream.good();
}

// Copies a library of larder so that it asks for another OpenVINO; both names are equally long.
bool copy_for(const OpenVino& openvino, const Hook& hook, const char* name,
              const fs::path& folder) {
    auto bytes = text_of(hook.folder / name);
    const auto end = std::string(1, '\0');
    const auto before = hook.openvino + end;
    const auto at = bytes.find(before);
    if (at == std::string::npos) return false;
    bytes.replace(at, before.size(), openvino.name + end);
    return write_whole(folder / name, bytes);
}

// Copies the code that a library of larder shares with those for other releases, if it does.
bool copy_shared(const Hook& hook, const char* name, const fs::path& folder) {
    const auto library = read_shared_object(hook.folder / name);
    if (!library) return false;
    for (const auto& needed : library->needed) {
        const auto bytes = text_of(hook.folder.parent_path() / k_shared_folder / needed);
        if (!bytes.empty() && !write_whole(folder / needed, bytes)) return false;
    }
    return true;
}

void remove_folder(const fs::path& folder) {
    std::error_code error;
    fs::remove_all(folder, error);  // tidy-allow(filesystem): the state of trials, not a larder's
}

// Runs the child, and returns why the OpenVINO is refused; empty if it is not.
std::string refusal_of(const OpenVino& openvino, const Hook& hook, const fs::path& folder) {
    for (const auto* const name : k_libraries) {
        if (!copy_for(openvino, hook, name, folder) || !copy_shared(hook, name, folder)) {
            return std::string("copy: cannot write '") + (folder / name).string() + "'";
        }
    }
    const auto child = run_child({program_for(openvino), k_trial_word, openvino.library.string(),
                                  (hook.folder / k_surface_file).string(), folder.string()},
                                 k_trial_timeout, {}, {"LD_PRELOAD", "LARDER_"});
    if (child.timed_out) return "trial: it did not end within two minutes";
    if (child.signal != 0) return "trial: signal " + std::to_string(child.signal) + " ended it";
    if (child.exit_code == 0) return {};
    const auto text = child.out.substr(0, child.out.find('\n'));
    return text.empty() ? "trial: it failed: " + child.error.substr(0, child.error.find('\n'))
                        : text;
}

std::string explained(const std::string& refusal, const OpenVino& openvino, const Hook& hook) {
    return openvino_text(openvino) +
           " is newer than this larder, and refused by a check of the hook for " + hook.version +
           ": " + refusal + "; install a newer larder-openvino, or openvino==" + hook.version;
}

}  // namespace

bool can_be_tried(const OpenVino& openvino) {
    return openvino.adapter.empty() && !openvino.version.empty() && !openvino.build_id.empty() &&
           hook_to_try(openvino);
}

Verdict known_verdict(const OpenVino& openvino, const Options& options) {
    const auto hook = hook_to_try(openvino);
    if (!hook || options.state_directory.empty()) return {};
    const auto folder = verdicts_folder(options) / openvino.build_id;
    const auto json = Json::parse(text_of(folder / k_verdict_file), nullptr, false);
    if (!json.is_object() || text_in(json, "hook") != hook->build_id ||
        text_in(json, "larder") != LARDER_VERSION || text_in(json, "name") != openvino.name) {
        return {};
    }
    const auto refusal = text_in(json, "refusal");
    return {true, refusal.empty() ? "" : explained(refusal, openvino, *hook), folder};
}

Verdict verdict_on(const OpenVino& openvino, const Options& options) {
    const auto hook = hook_to_try(openvino);
    if (!hook) return {};
    if (options.openvino == ServedOpenVino::known) {
        return {true, explained("LARDER_OPENVINO is 'known'", openvino, *hook), {}};
    }
    if (auto known = known_verdict(openvino, options); known.exists) return known;
    const auto folder = verdicts_folder(options) / openvino.build_id;
    auto fresh = folder;
    fresh += "." + std::to_string(process_id());
    std::error_code error;
    remove_folder(fresh);  // of a process that was killed
    if (options.state_directory.empty() ||
        !fs::create_directories(fresh, error)) {  // tidy-allow(filesystem): not a larder's
        return {true, explained("state: no folder for a trial can be made", openvino, *hook), {}};
    }
    const auto refusal = refusal_of(openvino, *hook, fresh);
    remove_folder(fresh / "trial");
    auto json = json_object();
    json["larder"] = LARDER_VERSION;
    json["name"] = openvino.name;
    json["hook"] = hook->build_id;
    json["refusal"] = refusal;
    json["tried_at"] = format_time(now());
    if (write_whole(fresh / k_verdict_file, json_line(json))) {
        remove_folder(folder);
        // If another process was quicker, its verdict stays.
        fs::rename(fresh, folder, error);  // tidy-allow(filesystem): not a larder's
    }
    remove_folder(fresh);
    auto verdict = known_verdict(openvino, options);
    if (verdict.exists) return verdict;
    return {true, explained("state: the verdict cannot be stored", openvino, *hook), {}};
}

std::string verdict_line(const OpenVino& openvino, const Options& options) {
    if (!can_be_tried(openvino)) return {};
    const auto verdict = verdict_on(openvino, options);
    const auto text = verdict.refusal.empty() ? (verdict.folder / k_hook_library).string()
                                              : "!" + printable(verdict.refusal);
    // The end of a line ends a text.
    if (text.find('\n') != std::string::npos) return {};
    return openvino.build_id + "=" + text + "\n";
}

std::string verdict_lines(const std::string& path) {
    const auto options = load_settings().options;
    std::string lines;
    for (const auto& openvino : openvinos_in(path)) lines += verdict_line(openvino, options);
    return lines;
}

void forget_verdicts(const Options& options) {
    if (!options.state_directory.empty()) remove_folder(verdicts_folder(options));
}

}  // namespace larder::cli
