// Finds the files behind this process's memory, and tells whether the memory still has their
// content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace larder::internal::os {

enum class Access { read_only, other };
// A write to a shared mapping changes the file; one to a private mapping changes a copy of the
// page.
enum class Sharing { shared, copied_on_write };

struct FileMapping {
    std::span<const std::byte> memory;
    std::uint64_t offset = 0;  // of the first byte, in the file
    std::uint64_t device =
        0;  // the kernel's number of the file; `stat` reports another on some file systems
    std::uint64_t inode = 0;
    std::string path;  // at the time of mapping; it may name another file by now, or none
    Access access = Access::other;
    Sharing sharing = Sharing::shared;
};

// The address space of the calling process. Thread-safe; results hold for as long as nobody maps,
// unmaps or changes the protection of the memory in question.
class AddressSpace {
public:
    AddressSpace() = default;
    AddressSpace(const AddressSpace&) = delete;
    AddressSpace& operator=(const AddressSpace&) = delete;
    virtual ~AddressSpace() = default;

    // Ordered by address. Adjacent mappings that continue each other are joined.
    [[nodiscard]] virtual Result<std::vector<FileMapping>> file_mappings() = 0;
    // Tells whether this process has a page of its own in a Sharing::copied_on_write mapping,
    // because it wrote there while that was allowed.
    [[nodiscard]] virtual Result<bool> has_copied_pages(std::span<const std::byte> memory) = 0;
    // Tells whether a file of this file system has the same content for all processes that map it,
    // for as long as its stamp is the same, once it was synced. Not so
    // - on overlayfs: the first write copies the file, which keeps its numbers, and processes that
    //   had mapped it keep the old content;
    // - on NFS: a server may give the number of a deleted file to another one;
    // - on tmpfs: a store to a page that was mapped before changes no time.
    // True only for file systems that are known to behave so.
    [[nodiscard]] virtual bool stamp_tells_content(const std::string& path) = 0;
    // Drops the pages of `memory` from this process. It must be a shared mapping of a file: the
    // next access finds the same bytes there.
    virtual void drop_resident(std::span<const std::byte> memory) noexcept = 0;
};

// Reads it from Linux. `proc` is the path of "/proc/self".
class ProcAddressSpace final : public AddressSpace {
public:
    explicit ProcAddressSpace(std::string proc = "/proc/self") : proc_(std::move(proc)) {}

    Result<std::vector<FileMapping>> file_mappings() override;
    Result<bool> has_copied_pages(std::span<const std::byte> memory) override;
    bool stamp_tells_content(const std::string& path) override;
    void drop_resident(std::span<const std::byte> memory) noexcept override;

private:
    std::string proc_;
};

}  // namespace larder::internal::os
