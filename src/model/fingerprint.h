// The digest of a model's content: the same wherever the model lies and whatever its files are
// called, another as soon as one byte of it changes.
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

// Whether a later stat can tell that a file was not changed since it was read.
enum class Settled { yes, no };

struct FingerprintedFile {
    std::string role;
    std::string path;
    os::FileStamp stamp;  // with which it was hashed
    Digest digest;        // combine_chunks over its content
    Settled settled = Settled::no;
};

struct Fingerprinted {
    Fingerprint fingerprint;
    ModelKind kind = ModelKind::ir;
    std::string path;  // as the caller named it
    std::vector<FingerprintedFile> files;
    std::uint64_t hashed_bytes = 0;  // read for this; 0 if all was remembered
};

// Hashes what `memory` does not know, all files in one parallel pass, and remembers it. A file
// whose next change could go unseen is hashed, but not remembered: it was changed too recently,
// lies on a file system in memory, or cannot be synced.
//
// A model that changes meanwhile is found and hashed again, three times at most: then Errc::busy.
// Else the errors of find_model_source, and of reading. Thread-safe.
[[nodiscard]] Result<Fingerprinted> fingerprint(const os::System& system, FingerprintMemory& memory,
                                                const ModelSource& source,
                                                const HashProgress& progress = {});
// Finds the model first.
[[nodiscard]] Result<Fingerprinted> fingerprint(const os::System& system, FingerprintMemory& memory,
                                                const std::string& path,
                                                const HashProgress& progress = {});

// To be asked after the runtime has read the model, and before what it made is kept under the
// fingerprint: Errc::busy if a file has changed since, is gone, or has come. Costs a stat per file,
// and reading again those that are not settled.
[[nodiscard]] Result<void> confirm_unchanged(const os::System& system,
                                             const Fingerprinted& fingerprinted);

}  // namespace larder::internal::model
