// Computes the digests of ranges in a program's memory. Memory that is a file's content is hashed
// once for as long as the file stays unchanged, whichever process maps it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "model/memory.h"
#include "os/address_space.h"
#include "os/system.h"

namespace larder::internal::model {

// A file that some of the memory comes from, or may come from.
struct MappedFile {
    std::string path;
    os::FileStamp stamp;
    bool settled = false;  // any later change shows in the stamp
};

// A range that is certainly a part of a file.
struct RangeInFile {
    Digest digest;  // hash_chunked
    std::uint64_t bytes = 0;
    std::size_t file = 0;  // the number of a MappedFile
    std::uint64_t offset = 0;
};

// Up to this size in all, ranges are hashed in place: that costs less than finding out which files
// they are mapped from.
inline constexpr std::uint64_t k_in_place_bytes_max = std::uint64_t{1} << 20;

struct MemoryContent {
    std::vector<Digest> digests;  // hash_chunked of each range, in their order
    std::vector<MappedFile> files;
    std::vector<RangeInFile> in_files;
    std::uint64_t hashed_bytes = 0;
};

// Hashes in place, in parallel, and, if possible, leaves no more pages of files resident than
// before. The digests are the same whether a range is on the heap or in a mapped file, and whether
// it was hashed now or remembered.
//
// A digest is remembered only for memory that is certainly the file's content: a mapping that
// nobody may write to, without copied pages, of the very file that its path names now, on a file
// system where all of that can be determined. The file is synced before a digest is remembered.
// Everything else is hashed. Errc::busy if a file has become shorter than its mapping: accessing
// that memory would end the process. Errc::unsupported, without hashing, if more than
// `hashed_bytes_max` would have to be hashed. Thread-safe.
[[nodiscard]] Result<MemoryContent> hash_memory(
    const os::System& system, os::AddressSpace& address_space, FingerprintMemory& memory,
    std::span<const std::span<const std::byte>> ranges,
    std::uint64_t hashed_bytes_max = std::numeric_limits<std::uint64_t>::max());

// Errc::busy unless every file is still the one that was hashed.
[[nodiscard]] Result<void> confirm_unchanged(os::FileSystem& fs, std::span<const MappedFile> files);

}  // namespace larder::internal::model
