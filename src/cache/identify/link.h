// A model has two keys: it can be requested as a file, and as the graph that the runtime reads from
// it.
#pragma once

#include <optional>
#include <string>

#include "cache/identify/key.h"
#include "cache/session/session.h"
#include "format/manifest.h"
#include "model/memory_content.h"
#include "runtime/runtime.h"

namespace larder::internal::cache {

inline constexpr const char* k_names_note = "names";

// Tells whether entries of the model may serve both kinds of requests at all.
[[nodiscard]] bool may_be_linked(const Session& session, const runtime::Request& request,
                                 const Identified& identified);
[[nodiscard]] bool can_be_linked(const format::Manifest& manifest);

// Returns the model file whose weights a program has mapped: the runtime reads "model.xml" with
// "model.bin". Empty if that is ambiguous.
[[nodiscard]] std::string file_of(const model::MemoryContent& weights);

struct LinkedEntry {
    format::Manifest manifest;
    model::MemoryContent weights;  // set if the entry is a graph's
};

// Returns the entry of the graph in the file that a request names. Reads the model, and hashes its
// weights if they are small.
[[nodiscard]] std::optional<LinkedEntry> entry_of_graph(Session& session, store::Store& store,
                                                        runtime::Request& request,
                                                        const Identified& identified);

// Returns the entry of the file that a model in memory was read from, if the file still has that
// graph.
[[nodiscard]] std::optional<LinkedEntry> entry_of_file(Session& session, store::Store& store,
                                                       runtime::Request& request,
                                                       const Identified& identified);

}  // namespace larder::internal::cache
