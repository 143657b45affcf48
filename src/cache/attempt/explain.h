// Says why a request would hit or miss.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "format/key.h"
#include "runtime/runtime.h"

namespace larder::internal::cache {

struct Difference {
    std::string input;
    std::optional<std::string> kept;   // absent: the stored entry has no such input
    std::optional<std::string> asked;  // absent: the request has none
};

struct Explanation {
    bool would_hit = false;
    std::string reason;
    std::optional<format::Key> key;
    std::optional<format::Key> nearest;
    std::vector<Difference> differences;
};

// Compiles and loads nothing. The nearest entry is the one of the same model content, or else of
// the same path, whose key differs in the fewest inputs; finding it reads every manifest.
[[nodiscard]] Result<Explanation> explain(Session& session, runtime::Request& request,
                                          const ModelReference& model);

}  // namespace larder::internal::cache
