// A compiled model that larder goes on with while the program uses it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/runtime/compiled_model.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

class CompiledApart final : public runtime::CompiledApart {
public:
    // Keeps the constants of `source`, from which it was compiled, and not the rest: the program
    // may change that meanwhile.
    CompiledApart(const ov::CompiledModel& compiled, std::string device, const ov::Model& source);

    [[nodiscard]] Result<void> export_blob(runtime::BlobSink& sink) override;

private:
    std::vector<std::shared_ptr<const ov::Node>> constants_;
    ov::CompiledModel compiled_;
    std::string device_;
};

}  // namespace larder::internal::openvino
