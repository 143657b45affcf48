// The element types of ggml, as GGUF files number them.
#pragma once

#include <cstdint>
#include <optional>

namespace larder::internal::model {

// Elements are stored in blocks: `elements` of them take `size_bytes`.
struct GgmlBlock {
    std::uint32_t elements = 1;
    std::uint32_t size_bytes = 1;
};

// Nothing for a type that is not known here; it may be newer than this table.
[[nodiscard]] std::optional<GgmlBlock> ggml_block(std::uint32_t type) noexcept;

}  // namespace larder::internal::model
