// Compresses a blob into an object. Private to store/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "format/compressed.h"
#include "os/file_system.h"
#include "store/disk/types.h"
#include "store/publish/publish.h"

namespace larder::internal::store {

// The method for each frame, chosen from samples.
struct PackingPlan {
    std::vector<format::FrameMethod> methods;
    std::uint64_t estimated_bytes = 0;  // of the object
};
[[nodiscard]] Result<PackingPlan> plan_packing(std::span<const std::byte> blob, unsigned threads);

// Returns the exact size of the object: compresses everything, and writes nothing.
[[nodiscard]] Result<std::uint64_t> measure_packed(std::span<const std::byte> blob,
                                                   const PackingPlan& plan, unsigned threads);

// Returns the size on disk of an object with its chunk list, in whole blocks.
[[nodiscard]] std::uint64_t disk_bytes_of(std::uint64_t object_bytes);
// Tells whether it is smaller on disk by at least a tenth.
[[nodiscard]] bool pays(std::uint64_t blob_bytes, std::uint64_t packed_bytes);
// The same for an estimate; nothing if the estimate is too close to decide.
[[nodiscard]] std::optional<bool> surely_pays(std::uint64_t blob_bytes,
                                              std::uint64_t estimated_bytes);

enum class Packed { done, no_gain, ended };

// Writes the object. Calls `step` after every few frames with their number of bytes of the blob;
// false ends it. The file is usable only if the object was written completely.
[[nodiscard]] Result<Packed> write_packed(std::span<const std::byte> blob, const Digest& digest,
                                          const PackingPlan& plan, unsigned threads,
                                          StagedFile& file,
                                          const std::function<bool(std::uint64_t)>& step);

// Reads the object that was written. Errc::damaged unless it decompresses to the blob.
[[nodiscard]] Result<void> check_packed(os::File& file, std::uint64_t object_bytes,
                                        std::uint64_t blob_bytes, const Digest& digest,
                                        unsigned threads);

}  // namespace larder::internal::store
