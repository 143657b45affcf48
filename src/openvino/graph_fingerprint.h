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

// The list of a model's variables may have another order each time: openvino_genai 2025 orders it
// by addresses. The CPU device finds variables by their ids, and orders their states by the graph.
enum class VariableOrder { counts, does_not_count };

// Returns the digest of a model in memory: topology, attributes, shapes, types, run-time
// information and weights. `hasher` hashes the weights in place, all at once; nothing is
// serialised. Numbers count by their bits. Names of the model, of nodes and of tensors do not
// count: each request gets the names of its own model (port_names.h). Ids of variables are not
// names.
//
// Errc::unsupported if the model holds an attribute or run-time information of an unknown type: it
// is then not cached, because it could be confused with another model. Errors of the hasher are
// passed on.
[[nodiscard]] Result<Digest> fingerprint_graph(const ov::Model& model,
                                               runtime::MemoryHasher& hasher,
                                               VariableOrder order = VariableOrder::counts);

// Returns the same as PartialShape::to_string, in a tenth of the time: that one makes a stream for
// each call.
[[nodiscard]] std::string text_of(const ov::PartialShape& shape);

}  // namespace larder::internal::openvino
