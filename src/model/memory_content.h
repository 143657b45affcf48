// The digests of what lies in a program's memory. Where that is a file's content, it is hashed once
// for as long as the file stays as it is, whoever maps it.
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

// A file that some of the memory was taken from, or may have been.
struct MappedFile {
    std::string path;
    os::FileStamp stamp;
    bool settled = false;  // a change that comes later shows in the stamp
};

// A range that is a part of a file, and can be nothing else.
struct RangeInFile {
    Digest digest;  // hash_chunked
    std::uint64_t bytes = 0;
    std::size_t file = 0;  // the number of a MappedFile
    std::uint64_t offset = 0;
};

// A range that its program may write to, or that may lie in a file that others do.
struct RangeInMemory {
    Digest digest;  // hash_chunked
    std::span<const std::byte> bytes;
};

struct MemoryContent {
    std::vector<Digest> digests;  // hash_chunked of each range, in their order
    std::vector<MappedFile> files;
    std::vector<RangeInFile> in_files;
    std::vector<RangeInMemory> in_memory;  // all others
    std::uint64_t hashed_bytes = 0;
};

// Hashes in place, in parallel, and leaves pages of files no more resident than it found them where
// it can. The digests are the same whether a range lies on the heap or in a mapped file, and
// whether it was hashed now or remembered.
//
// A digest is remembered only for what cannot be anything but the file's content: a mapping that
// nobody may write to, none of whose pages were copied, of the very file that its path names now,
// on a file system where that can be told. The file is synced before what is hashed of it is
// remembered. Everything else is hashed. Errc::busy if a file has
// become shorter than what is mapped of it: to touch its memory would end the process.
// Errc::unsupported, and nothing hashed, where that would be more than `hashed_bytes_max`.
// Thread-safe.
[[nodiscard]] Result<MemoryContent> hash_memory(
    const os::System& system, os::AddressSpace& address_space, FingerprintMemory& memory,
    std::span<const std::span<const std::byte>> ranges,
    std::uint64_t hashed_bytes_max = std::numeric_limits<std::uint64_t>::max());

// Errc::busy unless every file is still the one that was hashed.
[[nodiscard]] Result<void> confirm_unchanged(os::FileSystem& fs, std::span<const MappedFile> files);
// Errc::busy unless the bytes are still those that were hashed. They have to be there.
[[nodiscard]] Result<void> confirm_unchanged(std::span<const RangeInMemory> ranges);

}  // namespace larder::internal::model
