#include "openvino/machine.h"

#include "larder/larder.hpp"

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

}  // namespace larder
