/// \file
/// Why a request would hit or miss.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "larder/require_cxx20.hpp"

namespace larder {

/// Says how a request would end now.
struct Explanation {
    bool would_hit = false;  ///< false: a miss or a bypass
    std::string reason;      ///< of a miss or bypass, in words
    std::string key;         ///< of the request: 64 hexadecimal characters; may be empty
    /// An input of the key that differs.
    struct Difference {
        std::string input;                 ///< "property.INFERENCE_PRECISION_HINT"
        std::optional<std::string> kept;   ///< absent: the stored entry has no such input
        std::optional<std::string> asked;  ///< absent: the request has none
    };
    std::string nearest_key;  ///< of the entry that is nearest to the request; may be empty
    std::vector<Difference> differences;  ///< every input in which that entry differs
};

}  // namespace larder
