// The header of any GGUF file can be read, or is refused.
#include <cstdlib>
#include <span>

#include "fuzz_target.h"
#include "model/content.h"
#include "model/gguf_outline.h"
#include "model_files/gguf_writer.h"

namespace model = larder::internal::model;
namespace files = larder::internal::model_files;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    model::MemorySource source(std::as_bytes(std::span(data, size)));
    const auto outline = model::read_gguf_outline(source);
    if (outline && outline->shard >= outline->shard_count) std::abort();
    if (!outline && outline.error().what.empty()) std::abort();
    const auto content = model::recognise_content(source, model::OnnxDoubt::damaged);
    if (content && model::content_from_text(model::to_text(*content)) != *content) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    return {files::small_gguf().bytes(), files::gguf_shard(1, 3).bytes()};
}
