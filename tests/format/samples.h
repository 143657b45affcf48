// Manifests and tables as they occur, and as they hardly ever do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/manifest.h"
#include "format/variant.h"

namespace larder::internal::format {

struct Sample {
    std::string name;
    Manifest manifest;
};

[[nodiscard]] std::vector<Sample> samples();

// The table of one that is this long.
[[nodiscard]] Variant sample_variant();
inline constexpr std::uint64_t k_sample_variant_bytes = 40'000;

}  // namespace larder::internal::format
