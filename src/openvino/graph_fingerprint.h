#pragma once

#include <memory>

#include "base/digest.h"
#include "base/result.h"

namespace ov {
class Model;
}

namespace larder::internal::openvino {

// The digest of a model in memory: topology, attributes, run-time information, tensor names and
// weights. Weights are hashed in place and in parallel; nothing is serialised. Names that the
// runtime made up itself (they count up in each process) are left out.
//
// Errc::unsupported where the model holds an attribute of a type unknown here: it is then not
// cached rather than perhaps confused with another.
[[nodiscard]] Result<Digest> fingerprint_graph(const ov::Model& model);

}  // namespace larder::internal::openvino
