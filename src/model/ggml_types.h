// The element types of ggml, by their numbers in GGUF files.
#pragma once

#include <cstdint>
#include <optional>

namespace larder::internal::model {

// Elements are stored in blocks: `elements` of them take `size_bytes`.
struct GgmlBlock {
    std::uint32_t elements = 1;
    std::uint32_t size_bytes = 1;
};

// Returns nothing for an unknown type, which may be newer than this table.
[[nodiscard]] std::optional<GgmlBlock> ggml_block(std::uint32_t type) noexcept;

}  // namespace larder::internal::model
