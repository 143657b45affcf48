// Puts weights that would otherwise fill memory into a nameless file in the larder.
#pragma once

#include <memory>

#include "os/file_system.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// The file has a name for as long as this object lives. Its bytes exist until the last mapping is
// gone.
class ScratchWeights final : public runtime::Scratch {
public:
    // Both must outlive it. Creates nothing before `reserve`.
    ScratchWeights(os::FileSystem& fs, store::Store& store) : fs_(fs), store_(store) {}

    // Errc::unsupported if it does not pay: there is little to write, or the larder lies in memory
    // or on a network. Errc::no_space if the weights, and then the blob, would fill the disk.
    Result<void> reserve(std::uint64_t size_bytes) override;
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
    Result<runtime::Blob> map(std::uint64_t size_bytes) override;

private:
    os::FileSystem& fs_;
    store::Store& store_;
    std::optional<store::ScratchFile> file_;
};

}  // namespace larder::internal::cache
