// Typical and rare manifests and tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format/compressed.h"
#include "format/manifest.h"
#include "format/referring.h"

namespace larder::internal::format {

struct Sample {
    std::string name;
    Manifest manifest;
};

[[nodiscard]] std::vector<Sample> samples();
[[nodiscard]] std::string text_of(const std::vector<std::byte>& bytes);
[[nodiscard]] std::string little_endian(std::uint64_t value, std::size_t bytes);

// The table of one that is this long: with a file, a constant, and pieces that repeat.
[[nodiscard]] Referring sample_referring();
// The same with another object, and a blob that begins within a page.
[[nodiscard]] Referring sample_referring_to_object();
inline constexpr std::uint64_t k_sample_referring_bytes = 40'000;

// One with a frame of each method.
[[nodiscard]] Compressed sample_compressed();
// With its frames.
[[nodiscard]] std::uint64_t object_bytes_of(const Compressed& compressed);

}  // namespace larder::internal::format
