// Manifests as they occur, and as they hardly ever do.
#pragma once

#include <string>
#include <vector>

#include "format/manifest.h"

namespace larder::internal::format {

struct Sample {
    std::string name;
    Manifest manifest;
};

[[nodiscard]] std::vector<Sample> samples();

}  // namespace larder::internal::format
