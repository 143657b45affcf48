/// \file
/// The times of a request, and the memory that its model shares.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "larder/require_cxx20.hpp"

namespace larder {

/// Wall time of each stage; absent if the stage did not run.
struct Timing {
    /// Of a stage, in wall time.
    using Duration = std::chrono::nanoseconds;
    std::optional<Duration> fingerprint;  ///< of the model's content
    std::optional<Duration> lookup;       ///< device, key and manifest
    std::optional<Duration> wait;         ///< for another process's compile
    std::optional<Duration> read_model;   ///< ov::Core::read_model, or the caller's `build`
    std::optional<Duration> compile;      ///< ov::Core::compile_model
    std::optional<Duration> export_blob;  ///< ov::CompiledModel::export_model, into the larder
    std::optional<Duration> publish;      ///< hashing, syncing and naming the exported blob
    std::optional<Duration> verify;       ///< reading and checking the stored bytes
    std::optional<Duration> import;       ///< ov::Core::import_model
    /// Sharing weights with other processes, including the first inference if larder ran one for
    /// that.
    std::optional<Duration> share;
    Duration total{0};  ///< from the call to a ready model
};

/// Of the memory that the runtime unpacked a model into (its blocks of 1 MiB and more), the bytes
/// that this process shares with others that loaded the same weights, and the rest.
struct Sharing {
    std::uint64_t shared_bytes = 0;   ///< of blocks that other processes map as well, or can
    std::uint64_t private_bytes = 0;  ///< of the other blocks
    std::string reason;               ///< why nothing, or not everything, is shared; may be empty
};

}  // namespace larder
