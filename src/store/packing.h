// From a blob to the object that holds it compressed. Private to store/.
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
#include "store/publish.h"
#include "store/types.h"

namespace larder::internal::store {

// How each frame is to be compressed, decided by samples.
struct PackingPlan {
    std::vector<format::FrameMethod> methods;
    std::uint64_t estimated_bytes = 0;  // of the object
};
[[nodiscard]] Result<PackingPlan> plan_packing(std::span<const std::byte> blob, unsigned threads);

// What the object would have, to the byte: compresses everything, and writes nothing.
[[nodiscard]] Result<std::uint64_t> measure_packed(std::span<const std::byte> blob,
                                                   const PackingPlan& plan, unsigned threads);

// What an object and its chunk list take on disk, in whole blocks.
[[nodiscard]] std::uint64_t disk_bytes_of(std::uint64_t object_bytes);
// Whether it is at least a tenth smaller on disk.
[[nodiscard]] bool pays(std::uint64_t blob_bytes, std::uint64_t packed_bytes);
// The same of an estimate; nothing where it is too close to tell.
[[nodiscard]] std::optional<bool> surely_pays(std::uint64_t blob_bytes,
                                              std::uint64_t estimated_bytes);

enum class Packed { done, no_gain, ended };

// Writes the object. Called after each few frames, `step` is told how many bytes of the blob they
// are; false ends it. What is written is of no use unless it is done.
[[nodiscard]] Result<Packed> write_packed(std::span<const std::byte> blob, const Digest& digest,
                                          const PackingPlan& plan, unsigned threads,
                                          StagedFile& file,
                                          const std::function<bool(std::uint64_t)>& step);

// Reads the object that was written. Errc::damaged unless it becomes the blob again.
[[nodiscard]] Result<void> check_packed(os::File& file, std::uint64_t object_bytes,
                                        std::uint64_t blob_bytes, const Digest& digest,
                                        unsigned threads);

}  // namespace larder::internal::store
