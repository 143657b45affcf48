// The part of the program that needs OpenVINO: a module for each release, loaded on demand, so that
// everything else works without OpenVINO.
#pragma once

#include <cstdint>
#include <filesystem>
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
    std::string model;  // or the key of an entry: the request that compiled it
    RequestFlags request;
};

struct DeviceInfo {
    std::string name;
    std::string full_name;
    bool exports = false;  // and imports: models compiled for it can be cached
    std::string error;     // of a device that does not answer
};

struct RuntimeReport {
    std::string openvino;  // its build
    std::vector<DeviceInfo> devices;
    std::string sharing_obstacle;  // see larder::obstacle_to_sharing
};

// Return false to end early.
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

    // Returns the JSON output of `why`; repair_entries that of `repair`. Both throw if the verb
    // would fail.
    [[nodiscard]] virtual Json explain(const Options& options, const WhyFlags& flags) = 0;
    // Repairs the larder of `options`; `keys` and `progress` as for larder::repair.
    [[nodiscard]] virtual Json repair_entries(const Options& options,
                                              const std::vector<std::string>& keys,
                                              const VerifyProgress& progress) = 0;

    // Returns why this OpenVINO cannot be served; empty if a trial with small models went well.
    [[nodiscard]] virtual std::string try_out(const std::filesystem::path& folder) = 0;

    // Both throw OpenVINO's exceptions.
    [[nodiscard]] virtual RuntimeReport describe() = 0;
    [[nodiscard]] virtual std::unique_ptr<Machine> machine() = 0;
};

// Loads an OpenVINO, and the module in `folder` that asks it, permanently. Throws CommandError.
[[nodiscard]] Runtime& open_runtime(const std::filesystem::path& library,
                                    const std::filesystem::path& folder);

// Returns that of the OpenVINO that the program uses (openvinos.h). Lives as long as the program.
// Throws CommandError if there is no OpenVINO, or none that larder is built for.
[[nodiscard]] Runtime& runtime();

// The name of the module, and of the function that it exports, which returns its Runtime.
inline constexpr const char* k_runtime_module = "liblarder_verbs.so";
inline constexpr const char* k_runtime_entry = "larder_verbs_open";
extern "C" using OpenRuntime = Runtime * ();

}  // namespace larder::cli
