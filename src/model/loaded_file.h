// Files whose content has a part in a blob without being the model's.
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

// combine_chunks over the content; remembered as a model's files are. Nothing where the path names
// no regular file.
[[nodiscard]] Result<std::optional<Digest>> hash_file(const os::System& system,
                                                      FingerprintMemory& memory,
                                                      const std::string& path);

// The files that this process has mapped, as they were when first asked for.
class LoadedFiles {
public:
    // All must outlive it.
    LoadedFiles(const os::System& system, os::AddressSpace& address_space,
                FingerprintMemory& memory)
        : system_(system), address_space_(address_space), memory_(memory) {}

    // Of the file that lies behind `address`. Errc::unsupported where there is none, or its path
    // names another by now. `name` is what people call it.
    [[nodiscard]] Result<Digest> digest(const std::string& name, std::uintptr_t address);

private:
    const os::System& system_;
    os::AddressSpace& address_space_;
    FingerprintMemory& memory_;
    std::optional<std::vector<os::FileMapping>> mappings_;
};

}  // namespace larder::internal::model
