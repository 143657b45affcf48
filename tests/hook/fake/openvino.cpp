#include "fake/openvino.h"

namespace ov {

class Core::Impl {
public:
    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    virtual ~Impl() = default;
    [[nodiscard]] virtual std::string describe(const std::string& path, const std::string& device) {
        return "fake:" + path + ":" + device;
    }
};

Core::Core() : impl_(std::make_shared<Impl>()) {}

CompiledModel Core::compile_model(const std::string& path, const AnyMap& properties) {
    return compile_model(path, "default", properties);
}

CompiledModel Core::compile_model(const std::string& path, const std::string& device,
                                  const AnyMap& properties) {
    if (path.empty()) throw std::runtime_error("fake: no path");
    return CompiledModel(impl_->describe(path, device) + ":" + std::to_string(properties.size()));
}

}  // namespace ov
