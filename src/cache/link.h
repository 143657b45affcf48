// One model can be asked for as a file, and as what the runtime reads of that file: two keys.
#pragma once

#include <optional>
#include <string>

#include "cache/key.h"
#include "cache/session.h"
#include "format/manifest.h"
#include "model/memory_content.h"
#include "runtime/runtime.h"

namespace larder::internal::cache {

inline constexpr const char* k_names_note = "names";

// Whether entries of the model may stand for each other at all.
[[nodiscard]] bool may_be_linked(const Session& session, const runtime::Request& request,
                                 const Identified& identified);
[[nodiscard]] bool can_be_linked(const format::Manifest& manifest);

// The model whose weights a program has mapped: the runtime reads "model.xml" with "model.bin".
// Empty where that is not plain.
[[nodiscard]] std::string file_of(const model::MemoryContent& weights);

struct LinkedEntry {
    format::Manifest manifest;
    model::MemoryContent weights;  // where it is a graph's
};

// What was kept of the graph in the file that a request names. Reads the model, and hashes its
// weights where they are few.
[[nodiscard]] std::optional<LinkedEntry> entry_of_graph(Session& session, store::Store& store,
                                                        runtime::Request& request,
                                                        const Identified& identified);

// What was kept of the file that a model in memory was read from, where it is that graph still.
[[nodiscard]] std::optional<LinkedEntry> entry_of_file(Session& session, store::Store& store,
                                                       runtime::Request& request,
                                                       const Identified& identified);

}  // namespace larder::internal::cache
