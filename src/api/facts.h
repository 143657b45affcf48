#pragma once

#include <string>

#include "cache/stale/staleness.h"
#include "larder/staleness.hpp"

namespace larder::api {

// Presents a public Machine through the interface of cache/.
class Facts final : public internal::cache::RuntimeFacts {
public:
    // `machine` must outlive it.
    explicit Facts(Machine& machine) : machine_(machine) {}
    const internal::format::KeyInputs& inputs(const internal::format::KeyInputs& kept) override {
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
    Machine& machine_;
};

}  // namespace larder::api
