#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "cache/request.h"
#include "cache/session.h"
#include "format/manifest.h"
#include "model/fingerprint.h"
#include "model/memory_content.h"
#include "runtime/runtime.h"

namespace larder::internal::cache {

// A request, as far as it decides a blob.
struct Identified {
    runtime::Caching caching = runtime::Caching::none;
    std::string reason;       // why nothing can be kept; empty otherwise
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
// the model's files. With Caching::none the model was not looked at.
[[nodiscard]] Result<Identified> identify(Session& session, runtime::Request& request,
                                          const ModelReference& model, Timing& timing);

// Machines that differ in what no input tells each have an entry: the same inputs, and a number
// that says which of a few it is.
inline constexpr unsigned k_machines_max = 4;
// Makes it the key of number `machine`; 0 is the one without a number.
void number_key(Identified& identified, unsigned machine);

struct GraphKey {
    format::Key key;
    model::MemoryContent weights;
};

// One model has two keys: by its files, and by what the runtime reads of them. That of the graph of
// a model that was given as a path; reads it. Nothing where its weights would have to be hashed.
[[nodiscard]] std::optional<GraphKey> key_of_graph(Session& session, runtime::Request& request,
                                                   const format::KeyInputs& inputs_by_path);
// A request for the model in a file, if this machine knows its fingerprint already.
[[nodiscard]] std::optional<Identified> identify_file(Session& session, runtime::Request& request,
                                                      const std::string& path);

// Whether a change to the model's files since they were fingerprinted shows in their stamps: else
// only confirm_unchanged tells of it.
[[nodiscard]] bool is_settled(const Identified& identified);

// To be asked after the runtime has compiled the model, and before that is kept under the key:
// Errc::busy if it may have been compiled from something else.
[[nodiscard]] Result<void> confirm_unchanged(Session& session, runtime::Request& request,
                                             const Identified& identified);

}  // namespace larder::internal::cache
