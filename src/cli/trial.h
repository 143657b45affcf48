// An OpenVINO that is newer than every hook is served by the newest older hook if a trial shows
// that this works: the hook's imports are compared with the library, then a child process compiles,
// stores and loads small models through it. No code of the hook runs in a program before that. The
// verdict stays in the state of the machine until larder or the library changes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/openvinos.h"
#include "larder/options.hpp"

namespace larder::cli {

// The verdicts, for the preload: lines "BUILD-ID=TEXT", where TEXT is the path of a hook, or a '!'
// and why there is none.
inline constexpr const char* k_tried_variable = "LARDER_TRIED_OPENVINO";

// The first of the words that make the program a child that tries an OpenVINO.
inline constexpr const char* k_trial_word = "--try-openvino";

// The word that makes the program print the value of k_tried_variable for the OpenVINO in a path.
inline constexpr const char* k_verdict_word = "--verdict-on-openvino";

struct Verdict {
    bool exists = false;  // nothing else is known without
    std::string
        refusal;  // why the OpenVINO is not served, with the name of the check; empty: it is
    std::filesystem::path folder;  // with the hook and the verbs that serve it
};

// Tells whether a trial can be made: the OpenVINO has no hook, and is newer than one that uses the
// same std::string.
[[nodiscard]] bool can_be_tried(const OpenVino& openvino);

// Returns the verdict of an earlier trial by this build of larder.
[[nodiscard]] Verdict known_verdict(const OpenVino& openvino, const Options& options);

// Returns the known verdict; if there is none, makes the trial, which takes a second or two, and
// stores its verdict. With `openvino = known` no trial is made. For an OpenVINO that can be tried.
[[nodiscard]] Verdict verdict_on(const OpenVino& openvino, const Options& options);

// Returns the line of an OpenVINO for k_tried_variable; empty if it needs none.
[[nodiscard]] std::string verdict_line(const OpenVino& openvino, const Options& options);

// Returns the lines for the OpenVINO in `path` (as for --openvino), with the settings in force.
[[nodiscard]] std::string verdict_lines(const std::string& path);

// Forgets the verdicts: the next request makes a trial again.
void forget_verdicts(const Options& options);

// The child: the words after k_trial_word are the library, the noted surface of the hook, and the
// folder with the hook and the verbs. Prints why the OpenVINO is refused, if it is; returns the
// exit code.
[[nodiscard]] int make_trial(const std::vector<std::string>& words);

}  // namespace larder::cli
