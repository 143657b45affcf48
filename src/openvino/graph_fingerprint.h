#pragma once

#include <memory>

#include "base/digest.h"
#include "base/result.h"
#include "runtime/runtime.h"

namespace ov {
class Model;
}

namespace larder::internal::openvino {

// The digest of a model in memory: topology, attributes, run-time information, tensor names and
// weights. Weights are left to `hasher`, all at once and where they lie; nothing is serialised.
// Names that the runtime made up itself (they count up in each process) are left out.
//
// Errc::unsupported where the model holds an attribute of a type unknown here: it is then not
// cached rather than perhaps confused with another. The hasher's errors are passed on.
[[nodiscard]] Result<Digest> fingerprint_graph(const ov::Model& model,
                                               runtime::MemoryHasher& hasher);

}  // namespace larder::internal::openvino
