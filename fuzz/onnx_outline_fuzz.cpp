// The messages of any ONNX model can be walked, or are refused.
#include <cstdlib>
#include <span>

#include "fuzz_target.h"
#include "model/content.h"
#include "model/onnx_outline.h"
#include "model_files/onnx_writer.h"

namespace model = larder::internal::model;
namespace files = larder::internal::model_files;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    model::MemorySource source(std::as_bytes(std::span(data, size)));
    const auto outline = model::read_onnx_outline(source);
    if (!outline) {
        if (outline.error().what.empty()) std::abort();
        return 0;
    }
    for (const auto& file : outline->external_files) {
        const auto location = model::normal_location(file.location);
        if (location.starts_with('/') || location.starts_with("../")) std::abort();
    }
    const model::Content content{model::ContentKind::onnx, *outline, {}};
    if (model::content_from_text(model::to_text(content)) != content) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    const auto external = files::external_tensor({"weights.bin", 4096, 1 << 20});
    return {files::onnx_model_of_everything(),
            files::onnx_model(files::graph({external, files::raw_tensor(std::string(64, 'x'))}))};
}
