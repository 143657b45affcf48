// The times of a request, and the memory that its model shares.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "larder/require_cxx20.hpp"

namespace larder {

// Wall time of each stage; absent if the stage did not run.
struct Timing {
    using Duration = std::chrono::nanoseconds;
    std::optional<Duration> fingerprint;  // of the model's content
    std::optional<Duration> lookup;       // device, key and manifest
    std::optional<Duration> wait;         // for another process's compile
    std::optional<Duration> read_model;
    std::optional<Duration> compile;
    std::optional<Duration> export_blob;
    std::optional<Duration> publish;  // hashing, syncing and naming the exported blob
    std::optional<Duration> verify;   // reading and checking the stored bytes
    std::optional<Duration> import;
    // Sharing weights with other processes, including the first inference if larder ran one for
    // that.
    std::optional<Duration> share;
    Duration total{0};  // from the call to a ready model
};

// Of the memory that the runtime unpacked a model into (its blocks of 1 MiB and more), the bytes
// that this process shares with others that loaded the same weights, and the rest.
struct Sharing {
    std::uint64_t shared_bytes = 0;
    std::uint64_t private_bytes = 0;
    std::string reason;  // why nothing, or not everything, is shared; may be empty
};

}  // namespace larder
