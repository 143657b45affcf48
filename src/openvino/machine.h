// Asks a core for the facts about this machine that decide a blob.
#pragma once

#include <map>
#include <string>
#include <utility>

#include <openvino/runtime/core.hpp>

#include "larder/staleness.hpp"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Tells whether the device accepts a blob with these requirements.
[[nodiscard]] runtime::Compatibility check(ov::Core& core, const std::string& device,
                                           const std::string& requirements);

// Asks each device only once. Used by one thread.
class Machine final : public larder::Machine {
public:
    using Inputs = std::map<std::string, std::string>;

    // `core` must outlive it.
    explicit Machine(ov::Core& core) : core_(core) {}

    // If several devices have the same name in entries, prefers the one that the entry was made
    // for.
    const Inputs& inputs(const Inputs& kept) override;
    bool refuses(const std::string& device, const std::string& requirements) override;
    std::string openvino() override;
    // True if no device can tell.
    bool accepts(const std::string& runtime_info) override;

private:
    [[nodiscard]] const Inputs& inputs_of(const std::string& device, const std::string& priorities);

    ov::Core& core_;
    std::map<std::pair<std::string, std::string>, Inputs> inputs_;  // by device and priorities
    std::map<std::pair<std::string, std::string>, bool> refusals_;  // by device and requirements
    std::map<std::string, bool> acceptances_;                       // by runtime_info
};

}  // namespace larder::internal::openvino
