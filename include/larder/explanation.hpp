// Why a request would hit or miss.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "larder/require_cxx20.hpp"

namespace larder {

// Says how a request would end now.
struct Explanation {
    bool would_hit = false;
    std::string reason;  // of a miss or bypass, in words
    std::string key;
    struct Difference {
        std::string input;                 // "property.INFERENCE_PRECISION_HINT"
        std::optional<std::string> kept;   // absent: the stored entry has no such input
        std::optional<std::string> asked;  // absent: the request has none
    };
    // The entry that is nearest to the request, and every input in which the two differ.
    std::string nearest_key;
    std::vector<Difference> differences;
};

}  // namespace larder
