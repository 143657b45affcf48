// Typical and rare manifests and tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format/compressed.h"
#include "format/manifest.h"
#include "format/referring.h"
#include "format/variant.h"

namespace larder::internal::format {

struct Sample {
    std::string name;
    Manifest manifest;
};

[[nodiscard]] std::vector<Sample> samples();
[[nodiscard]] std::string text_of(const std::vector<std::byte>& bytes);
[[nodiscard]] std::string little_endian(std::uint64_t value, std::size_t bytes);

// The table of a blob of this length.
[[nodiscard]] Variant sample_variant();
inline constexpr std::uint64_t k_sample_variant_bytes = 40'000;

// The table of a blob of this length, with a file, a constant, and repeated pieces.
[[nodiscard]] Referring sample_referring();
inline constexpr std::uint64_t k_sample_referring_bytes = 40'000;

// One with a frame of each method.
[[nodiscard]] Compressed sample_compressed();
// With its frames.
[[nodiscard]] std::uint64_t object_bytes_of(const Compressed& compressed);

}  // namespace larder::internal::format
