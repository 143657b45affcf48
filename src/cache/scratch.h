// A nameless file in the larder for what would otherwise fill memory.
#pragma once

#include <memory>

#include "os/file_system.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// The file has its name until this is gone, and its bytes until the last who has it mapped is.
class ScratchWeights final : public runtime::Scratch {
public:
    // Both must outlive it. Nothing happens before something is reserved.
    ScratchWeights(os::FileSystem& fs, store::Store& store) : fs_(fs), store_(store) {}

    // Errc::unsupported where it does not pay, because there is little to write, or because the
    // larder lies in memory or across a network; Errc::no_space where it, and then the blob, would
    // fill the disk.
    Result<void> reserve(std::uint64_t size_bytes) override;
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
    Result<runtime::Blob> map(std::uint64_t size_bytes) override;

private:
    os::FileSystem& fs_;
    store::Store& store_;
    std::optional<store::ScratchFile> file_;
};

}  // namespace larder::internal::cache
