// What a machine remembers of files it has read, so that an unchanged one is not read again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "os/file_system.h"

namespace larder::internal::model {

// Implemented over the store's state; tests bring their own. All methods are thread-safe, and none
// fails: a memory that cannot be read is empty, one that cannot be written stays as it is.
//
// Callers remember nothing of a file whose stamp could not tell it from a later edit.
class FingerprintMemory {
public:
    FingerprintMemory() = default;
    FingerprintMemory(const FingerprintMemory&) = delete;
    FingerprintMemory& operator=(const FingerprintMemory&) = delete;
    virtual ~FingerprintMemory() = default;

    // The digest of the content (base/digest.h, combine_chunks) of the file with exactly this
    // stamp.
    [[nodiscard]] virtual std::optional<Digest> find(const os::FileStamp& stamp) = 0;
    virtual void remember(const os::FileStamp& stamp, const Digest& digest) = 0;

    // A short text that follows from the file's content alone, such as the names of the files it
    // refers to. `kind` says which, and in which version: "outline 1".
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
