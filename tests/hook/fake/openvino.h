// A fake of OpenVINO with only the functions for compiling a model, and an unknown version.
#pragma once

#include <map>
#include <memory>
#include <string>

#define FAKE_EXPORT __attribute__((visibility("default")))

namespace ov {

class FAKE_EXPORT Any {
public:
    int unlike_openvino[16] = {};
};

using AnyMap = std::map<std::string, Any>;

// Not trivial, so that it is returned in the same way as the real one.
class FAKE_EXPORT CompiledModel {
public:
    explicit CompiledModel(std::string name) : name_(std::make_shared<std::string>(name)) {}
    const std::string& name() const { return *name_; }

private:
    std::shared_ptr<std::string> name_;
};

class FAKE_EXPORT Core {
public:
    Core();
    CompiledModel compile_model(const std::string& path, const AnyMap& properties);
    CompiledModel compile_model(const std::string& path, const std::string& device,
                                const AnyMap& properties);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace ov
