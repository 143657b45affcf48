// Describes OpenVINO and its view of this machine.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/failure.h"
#include "cli/runtime/verbs.h"
#include "larder/larder.hpp"

namespace larder::cli {
namespace {

// Has a core of its own.
class MachineHere final : public Machine {
public:
    MachineHere() : machine_(ask_machine(core_)) {}
    const std::map<std::string, std::string>& inputs(
        const std::map<std::string, std::string>& kept) override {
        return machine_->inputs(kept);
    }
    bool refuses(const std::string& device, const std::string& requirements) override {
        return machine_->refuses(device, requirements);
    }
    std::string openvino() override { return machine_->openvino(); }
    bool accepts(const std::string& runtime_info) override {
        return machine_->accepts(runtime_info);
    }

private:
    ov::Core core_;
    std::unique_ptr<Machine> machine_;
};

DeviceInfo describe(ov::Core& core, const std::string& name) {
    DeviceInfo device;
    device.name = name;
    try {
        device.full_name =
            core.get_property(name, "FULL_DEVICE_NAME", ov::AnyMap{}).as<std::string>();
        const auto capabilities = core.get_property(name, "OPTIMIZATION_CAPABILITIES", ov::AnyMap{})
                                      .as<std::vector<std::string>>();
        device.exports = std::find(capabilities.begin(), capabilities.end(), "EXPORT_IMPORT") !=
                         capabilities.end();
    } catch (const std::exception& error) {
        device.error = useful_lines(error.what());
    }
    return device;
}

}  // namespace

RuntimeReport describe_runtime() {
    RuntimeReport report;
    report.openvino = ov::get_openvino_version().buildNumber;
    ov::Core core;
    for (const auto& name : core.get_available_devices()) {
        report.devices.push_back(describe(core, name));
    }
    report.sharing_obstacle = obstacle_to_sharing(core);
    return report;
}

std::unique_ptr<Machine> machine_here() { return std::make_unique<MachineHere>(); }

}  // namespace larder::cli
