#pragma once

#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "runtime/runtime.h"

namespace ov {
class Model;
class PartialShape;
}  // namespace ov

namespace larder::internal::openvino {

// The digest of a model in memory: topology, attributes, shapes, types, run-time information and
// weights. Weights are left to `hasher`, all at once and where they lie; nothing is serialised.
// Numbers count by their bits. Names of the model, of nodes and of tensors do not count: who asks
// is given those of his own model (port_names.h). Ids of variables are no names.
//
// Errc::unsupported where the model holds an attribute or run-time information of a type unknown
// here: it is then not cached rather than perhaps confused with another. The hasher's errors are
// passed on.
[[nodiscard]] Result<Digest> fingerprint_graph(const ov::Model& model,
                                               runtime::MemoryHasher& hasher);

// As PartialShape::to_string writes it, in a tenth of the time: that one makes a stream for each.
[[nodiscard]] std::string text_of(const ov::PartialShape& shape);

}  // namespace larder::internal::openvino
