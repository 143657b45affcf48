// Remembers files that a machine has read, so that unchanged ones are not read again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "os/file_system.h"

namespace larder::internal::model {

// Implemented over the state; tests have their own. All methods are thread-safe, and none fails: a
// memory that cannot be read is empty, one that cannot be written stays unchanged.
//
// Callers must not remember a file whose stamp may stay the same after a later edit.
class FingerprintMemory {
public:
    FingerprintMemory() = default;
    FingerprintMemory(const FingerprintMemory&) = delete;
    FingerprintMemory& operator=(const FingerprintMemory&) = delete;
    virtual ~FingerprintMemory() = default;

    // Returns the digest of the content (base/digest.h, combine_chunks) of the file with exactly
    // this stamp.
    [[nodiscard]] virtual std::optional<Digest> find(const os::FileStamp& stamp) = 0;
    virtual void remember(const os::FileStamp& stamp, const Digest& digest) = 0;

    // Returns a short text that was derived from the file's content alone, such as the names of
    // files that it refers to. `kind` says which text, and in which version: "outline 1".
    [[nodiscard]] virtual std::optional<std::string> find_derived(const os::FileStamp& stamp,
                                                                  std::string_view kind) = 0;
    virtual void remember_derived(const os::FileStamp& stamp, std::string_view kind,
                                  std::string_view text) = 0;
};

class NoMemory final : public FingerprintMemory {
public:
    std::optional<Digest> find(const os::FileStamp& /*stamp*/) override { return {}; }
    void remember(const os::FileStamp& /*stamp*/, const Digest& /*digest*/) override {}
    std::optional<std::string> find_derived(const os::FileStamp& /*stamp*/,
                                            std::string_view /*kind*/) override {
        return {};
    }
    void remember_derived(const os::FileStamp& /*stamp*/, std::string_view /*kind*/,
                          std::string_view /*text*/) override {}
};

}  // namespace larder::internal::model
