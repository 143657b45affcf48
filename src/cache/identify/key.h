#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "format/manifest.h"
#include "model/fingerprint.h"
#include "model/memory_content.h"
#include "runtime/runtime.h"

namespace larder::internal::cache {

// The part of a request that decides a blob.
struct Identified {
    runtime::Caching caching = runtime::Caching::none;
    std::string reason;       // why nothing can be published; empty otherwise
    bool needs_more = false;  // runtime::Identity::needs_more
    format::Key key;
    format::KeyInputs inputs;
    format::ModelInfo model;
    std::vector<Digest> families;                 // store::Publication::families
    std::optional<model::Fingerprinted> files;    // of a model that was given as a path
    bool maps_files = true;                       // runtime::Identity::maps_files
    std::optional<model::MemoryContent> weights;  // of a model in memory
};

// Asks the runtime for the device and the properties, and fingerprints the model. An Error is about
// the model's files. With Caching::none the model was not read.
[[nodiscard]] Result<Identified> identify(Session& session, runtime::Request& request,
                                          const ModelReference& model, Timing& timing);

// Machines that differ in something that no input shows each have an entry: the same inputs, and a
// number that tells them apart.
inline constexpr unsigned k_machines_max = 4;
// Sets the key of number `machine`; 0 is the key without a number.
void number_key(Identified& identified, unsigned machine);

struct GraphKey {
    format::Key key;
    model::MemoryContent weights;
};

// A model has two keys: by its files, and by the graph that the runtime reads from them. Returns
// the key of the graph of a model that was given as a path; reads it. Returns nothing if its
// weights would have to be hashed.
[[nodiscard]] std::optional<GraphKey> key_of_graph(Session& session, runtime::Request& request,
                                                   const format::KeyInputs& inputs_by_path);
// Identifies a request for the model in a file, if this machine knows its fingerprint already.
[[nodiscard]] std::optional<Identified> identify_file(Session& session, runtime::Request& request,
                                                      const std::string& path);

// Adds the family of the models whose graphs begin their largest constant alike: the one family
// that a model has both as a file and as a graph in memory. Reads the model, if that was not done
// yet.
void add_family_of_graph(Session& session, runtime::Request& request, Identified& identified);

// Tells whether a change to the model's files since they were fingerprinted would show in their
// stamps; if not, only confirm_unchanged detects it.
[[nodiscard]] bool is_settled(const Identified& identified);

// To be called after the runtime has compiled the model and before publishing under the key:
// Errc::busy if it may have been compiled from something else.
[[nodiscard]] Result<void> confirm_unchanged(Session& session, runtime::Request& request,
                                             const Identified& identified);

}  // namespace larder::internal::cache
