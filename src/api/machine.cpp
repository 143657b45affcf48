#include "openvino/machine.h"

#include "larder/larder.hpp"
#include "openvino/device.h"
#include "process/large_blocks.h"

namespace larder {
namespace {

class OpenVinoMachine final : public Machine {
public:
    explicit OpenVinoMachine(ov::Core& core) : machine_(core) {}
    const std::map<std::string, std::string>& inputs(
        const std::map<std::string, std::string>& kept) override {
        return machine_.inputs(kept);
    }
    bool refuses(const std::string& device, const std::string& requirements) override {
        return machine_.refuses(device, requirements);
    }
    std::string openvino() override { return machine_.openvino(); }
    bool accepts(const std::string& runtime_info) override {
        return machine_.accepts(runtime_info);
    }

private:
    internal::openvino::Machine machine_;
};

}  // namespace

std::unique_ptr<Machine> ask_machine(ov::Core& core) {
    return std::make_unique<OpenVinoMachine>(core);
}

std::string obstacle_to_sharing(ov::Core& core) {
    try {
        // Loads the device's library.
        static_cast<void>(core.get_property("CPU", "FULL_DEVICE_NAME", ov::AnyMap{}));
    } catch (const std::exception&) {
        return "the CPU device cannot be used";
    }
    const auto device = internal::openvino::parse_device("CPU", {});
    return internal::process::obstacle_to_recording(
        internal::openvino::unpacking_libraries_of(device));
}

}  // namespace larder
