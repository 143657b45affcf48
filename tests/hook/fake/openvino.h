// A runtime that is as much of OpenVINO as a program needs that compiles a model, and of a version
// that nobody knows.
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

// Not trivial, so that it is returned as the real one is.
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
