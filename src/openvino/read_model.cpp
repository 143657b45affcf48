#include "openvino/read_model.h"

#include <filesystem>

#include <openvino/frontend/manager.hpp>

namespace larder::internal::openvino {

bool is_gguf(const std::string& path) { return std::filesystem::path(path).extension() == ".gguf"; }

std::shared_ptr<ov::Model> read_model(ov::Core& core, const std::string& path) {
    if (!is_gguf(path)) return core.read_model(path);
    ov::frontend::FrontEndManager manager;
    const auto frontend = manager.load_by_framework("gguf");
    OPENVINO_ASSERT(frontend != nullptr, "This OpenVINO has no GGUF frontend");
    const auto input = frontend->load(path);
    OPENVINO_ASSERT(input != nullptr, "The GGUF frontend cannot read ", path);
    return frontend->convert(input);
}

}  // namespace larder::internal::openvino
