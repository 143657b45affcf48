// What of the program needs OpenVINO: a module beside larder's libraries, opened when it is asked
// for, so that all the rest works without OpenVINO, or beside another one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/json.h"
#include "cli/verification.h"
#include "larder/staleness.hpp"

namespace larder::cli {

struct RequestFlags {
    std::string device = "CPU";
    std::vector<std::string> properties;  // NAME=VALUE
    std::vector<std::string> shapes;
};

struct CompileFlags {
    std::vector<std::string> models;
    RequestFlags request;
    bool best_effort = false;
};

struct WhyFlags {
    std::string model;
    RequestFlags request;
};

struct DeviceInfo {
    std::string name;
    std::string full_name;
    bool exports = false;  // and imports: what is compiled for it can be kept
    std::string error;     // of a device that does not answer
};

struct RuntimeReport {
    std::string openvino;  // its build
    std::vector<DeviceInfo> devices;
    std::string sharing_obstacle;  // see larder::obstacle_to_sharing
};

// Returns false to end early.
using VerifyProgress = std::function<bool(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

class Runtime {
public:
    Runtime() = default;
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;
    virtual ~Runtime() = default;

    // Each does a verb's work and returns the exit code.
    [[nodiscard]] virtual int compile(const Context& context, const CompileFlags& flags) = 0;
    [[nodiscard]] virtual int why(const Context& context, const WhyFlags& flags) = 0;
    [[nodiscard]] virtual int repair(const Context& context, const VerificationFlags& flags) = 0;

    // What the verbs `why` and `repair` print as JSON. Both throw as those fail.
    [[nodiscard]] virtual Json explain(const Options& options, const WhyFlags& flags) = 0;
    // The larder of `options`; `keys` and `progress` as of larder::repair.
    [[nodiscard]] virtual Json repair_entries(const Options& options,
                                              const std::vector<std::string>& keys,
                                              const VerifyProgress& progress) = 0;

    // Both throw what OpenVINO throws.
    [[nodiscard]] virtual RuntimeReport describe() = 0;
    [[nodiscard]] virtual std::unique_ptr<Machine> machine() = 0;
};

// Lasts as long as the program. Throws CommandError that says which OpenVINO is needed, and what is
// there instead.
[[nodiscard]] Runtime& runtime();

// By which the module is found, and what it exports: returns its Runtime.
inline constexpr const char* k_runtime_module = "liblarder_verbs.so";
inline constexpr const char* k_runtime_entry = "larder_verbs_open";
extern "C" using OpenRuntime = Runtime * ();

}  // namespace larder::cli
