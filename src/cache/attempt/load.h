// Serves a request from the larder: find, open, import.
#pragma once

#include <string>

#include "base/result.h"
#include "cache/attempt/attempt.h"
#include "cache/attempt/keys.h"
#include "format/manifest.h"
#include "process/thread_mark.h"
#include "store/store.h"

namespace larder::internal::cache {

// Serves the request from the entry of its key. That may also end with a compiled model: if the
// entry is withheld, or if the device does not accept its files.
[[nodiscard]] OrMiss<Served> load(Attempt& attempt, Locked locked);

// The same without the compile lock, for the first of the keys that has an entry.
[[nodiscard]] OrMiss<Served> load_any(Attempt& attempt, Keys& keys);

// ── The steps ────────────────────────────────────────────────────────────────────────────────────

// Returns the entry of the key, if its blob may be loaded on this machine; or one that is withheld
// (is_withheld), if the request is to be compiled without being published. Sets aside an object
// that crashed processes.
[[nodiscard]] OrMiss<format::Manifest> find_entry(Attempt& attempt, Locked locked);

// Returns the reason of a request that found a withheld entry.
[[nodiscard]] std::string describe_withheld(const format::Manifest& manifest);

struct Unopened {
    Error error;
    Miss::Kind kind = Miss::Kind::other;
    bool lacks_weights = false;  // of Miss
};

// Returns the blob of an entry: verified, put together and decrypted. If the entry was replaced
// since it was found, `manifest` is set to the new one.
[[nodiscard]] tl::expected<store::MappedObject, Unopened> open_blob(Attempt& attempt,
                                                                    format::Manifest& manifest);

// Returns the miss of a blob that was not opened; warns if something is wrong with it.
[[nodiscard]] Miss miss_of(Attempt& attempt, const Unopened& unopened);

// Makes the blob the request's model. Returns the memory that it shares. `compiled` is the mark of
// a compile by this request before the import; else null. After a miss, the runtime has refused the
// blob.
[[nodiscard]] OrMiss<Sharing> import_blob(Attempt& attempt, const format::Manifest& manifest,
                                          const store::MappedObject& object,
                                          const process::ThreadMark* compiled = nullptr);

}  // namespace larder::internal::cache
