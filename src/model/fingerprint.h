// Computes the fingerprint, the digest of a model's content: the same wherever the model is stored
// and whatever its files are called, and different as soon as one byte changes.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "model/hash_files.h"
#include "model/memory.h"
#include "model/source.h"
#include "os/system.h"

namespace larder::internal::model {

struct Fingerprint {
    Digest digest;

    auto operator<=>(const Fingerprint&) const = default;
    [[nodiscard]] std::string hex() const { return digest.hex(); }
};

// Says whether a later stat can show that a file was not changed since it was read.
enum class Settled { yes, no };

struct FingerprintedFile {
    std::string role;
    std::string path;
    os::FileStamp stamp;  // when it was hashed
    Digest digest;        // combine_chunks over its content
    Settled settled = Settled::no;
};

struct Fingerprinted {
    Fingerprint fingerprint;
    ModelKind kind = ModelKind::ir;
    std::string path;  // the caller's name
    std::vector<FingerprintedFile> files;
    std::uint64_t hashed_bytes = 0;  // read for this; 0 if everything was remembered
};

// Hashes the files that `memory` does not know, in one parallel pass, and remembers the digests. A
// file whose next change could go unnoticed is hashed, but not remembered: it was changed too
// recently, lies on a file system in memory, or cannot be synced.
//
// A model that changes meanwhile is found and hashed again, three times at most: then Errc::busy.
// Otherwise the errors of find_model_source, and of reading. Thread-safe.
[[nodiscard]] Result<Fingerprinted> fingerprint(const os::System& system, FingerprintMemory& memory,
                                                const ModelSource& source,
                                                const HashProgress& progress = {});
// Finds the model first.
[[nodiscard]] Result<Fingerprinted> fingerprint(const os::System& system, FingerprintMemory& memory,
                                                const std::string& path,
                                                const HashProgress& progress = {});

// To be called after the runtime has read the model and before publishing under the fingerprint:
// Errc::busy if a file has changed, vanished or appeared since. Costs a stat for each file, and
// reads those again that are not settled.
[[nodiscard]] Result<void> confirm_unchanged(const os::System& system,
                                             const Fingerprinted& fingerprinted);

}  // namespace larder::internal::model
