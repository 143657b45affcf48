// Types that several headers of the store share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "format/manifest.h"
#include "larder/options.hpp"
#include "os/file_system.h"
#include "os/system.h"

namespace larder::internal::store {

using format::Encoding;
using format::Key;
using format::KeyInputs;
using format::Manifest;
using format::Part;
using larder::Verify;

// Remembers the process that created something and has to remove it: a child made by fork has a
// copy, which it must not act on.
class Ownership {
public:
    [[nodiscard]] bool is_ours() const { return process_ == os::current_process_id(); }

private:
    std::int64_t process_ = os::current_process_id();
};

enum class Access { read_only, read_write };

// Decides about a larder that everybody on the machine can write to, and so put anything into.
enum class WorldWritable { refuse, allow };

// Told behind each few megabytes of an object that is read how many more they are; from several
// threads.
using ReadProgress = std::function<void(std::uint64_t bytes)>;

// An object below this is verified each time it is opened, whatever the policy: hashing it costs
// less than remembering that it was verified. So nobody has to wait until the disk has it.
inline constexpr std::uint64_t k_small_object_bytes = std::uint64_t{1} << 20;

// How an object that was opened is known to be whole.
enum class Proof {
    read,        // every byte was read and hashed just now
    remembered,  // the file is the one that was verified earlier in this boot
    none,        // Verify::never
};

// Remembers which files were verified. Thread-safe; may forget at any time.
class VerifiedMemory {
public:
    VerifiedMemory() = default;
    VerifiedMemory(const VerifiedMemory&) = delete;
    VerifiedMemory& operator=(const VerifiedMemory&) = delete;
    virtual ~VerifiedMemory() = default;

    [[nodiscard]] virtual bool contains(const os::FileStamp& stamp, const Digest& object) = 0;
    virtual void remember(const os::FileStamp& stamp, const Digest& object) = 0;
};

// For programs without a state: remembers nothing.
class NoMemory final : public VerifiedMemory {
public:
    bool contains(const os::FileStamp&, const Digest&) override { return false; }
    void remember(const os::FileStamp&, const Digest&) override {}
};

// A range of a file that is a part of a blob.
struct FileRange {
    std::uint64_t offset = 0;  // in the blob
    std::uint64_t bytes = 0;
    std::shared_ptr<os::File> file;
    std::uint64_t file_offset = 0;
};

// The bytes of an object, or of a blob that is made of two. They stay readable for as long as a
// copy of `mapping` lives, even if the object is removed from the larder meanwhile.
struct MappedObject {
    std::shared_ptr<os::Mapping> mapping;
    std::vector<FileRange> ranges;  // the mapped ranges; only for reading ahead
    Digest digest;
    os::FileStamp stamp;  // of the object's own file
    Proof proof = Proof::none;

    [[nodiscard]] std::span<const std::byte> bytes() const { return mapping->bytes(); }
};

struct Lookup {
    std::optional<Manifest> manifest;  // absent: a miss
    std::optional<Error> fault;        // why it is a miss, unless the entry is simply absent
};

}  // namespace larder::internal::store
