// Hashes files whose content decides a blob and that are not part of the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "model/memory.h"
#include "os/address_space.h"
#include "os/system.h"

namespace larder::internal::model {

// Applies combine_chunks to the content; remembers it like a model's files. Returns nothing if the
// path is not that of a regular file.
[[nodiscard]] Result<std::optional<Digest>> hash_file(const os::System& system,
                                                      FingerprintMemory& memory,
                                                      const std::string& path);

// The files that this process has mapped, as they were at the first question.
class LoadedFiles {
public:
    // All must outlive it.
    LoadedFiles(const os::System& system, os::AddressSpace& address_space,
                FingerprintMemory& memory)
        : system_(system), address_space_(address_space), memory_(memory) {}

    // Returns the digest of the file behind `address`. Errc::unsupported if there is none, or its
    // path names another file by now. `name` is for messages.
    [[nodiscard]] Result<Digest> digest(const std::string& name, std::uintptr_t address);

private:
    const os::System& system_;
    os::AddressSpace& address_space_;
    FingerprintMemory& memory_;
    std::optional<std::vector<os::FileMapping>> mappings_;
};

}  // namespace larder::internal::model
