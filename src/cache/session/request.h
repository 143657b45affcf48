// One request to the cache, and its response.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/digest.h"
#include "larder/options.hpp"
#include "larder/timing.hpp"
#include "runtime/runtime.h"

namespace larder::internal::cache {

using larder::Mode;
using larder::Outcome;
using larder::Sharing;
using larder::Timing;

enum class ModelOrigin {
    path,    // files
    memory,  // a graph, fingerprinted by the runtime
    caller,  // a fingerprint that the caller vouches for
};

struct ModelReference {
    ModelOrigin origin = ModelOrigin::path;
    std::string path;  // of ModelOrigin::path; for ModelOrigin::memory, the file it was read from
    std::string name;  // the model's name for people, if it has no path
    std::optional<Digest> fingerprint;  // of ModelOrigin::caller
};

// The note in an entry with the shapes of the model's inputs.
inline constexpr const char* k_shapes_note = "shapes";

struct Response {
    Outcome outcome = Outcome::bypassed;
    std::string reason;
    std::optional<Digest> key;
    std::optional<Digest> object;
    std::uint64_t object_bytes = 0;
    std::uint64_t kept_bytes = 0;  // the part that is stored, and not in the model's own files
    bool is_being_kept = false;    // not published yet: the three above are not known
    Timing timing;
    std::optional<Sharing> sharing;  // absent if nothing was imported
};

}  // namespace larder::internal::cache
