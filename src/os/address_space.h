// What lies behind this process's memory: where it is a file's content, and whether it still is.
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
    std::uint64_t offset = 0;  // of its first byte in the file
    std::uint64_t device =
        0;  // as the kernel knows the file; some file systems tell `stat` another
    std::uint64_t inode = 0;
    std::string path;  // when it was mapped; it may name another file by now, or none
    Access access = Access::other;
    Sharing sharing = Sharing::shared;
};

// Of the calling process. Thread-safe; what it says holds for as long as nobody maps, unmaps or
// changes the protection of the memory asked about.
class AddressSpace {
public:
    AddressSpace() = default;
    AddressSpace(const AddressSpace&) = delete;
    AddressSpace& operator=(const AddressSpace&) = delete;
    virtual ~AddressSpace() = default;

    // In the order of addresses. Neighbours that continue each other are one.
    [[nodiscard]] virtual Result<std::vector<FileMapping>> file_mappings() = 0;
    // Whether this process has a page of its own in a Sharing::copied_on_write mapping, because
    // something was written there while that was allowed.
    [[nodiscard]] virtual Result<bool> has_copied_pages(std::span<const std::byte> memory) = 0;
    // Whether all who map a file of this file system see the same content for as long as its stamp
    // is the same, once it was synced. Not so
    // - on overlayfs: a file that is written to for the first time is copied, keeps its numbers,
    //   and those who had mapped it keep the old content;
    // - on NFS: a server gives the number of a deleted file to another;
    // - on tmpfs: a store to a page that was mapped before moves no time.
    // Only file systems that are known to be simple are told to be.
    [[nodiscard]] virtual bool stamp_tells_content(const std::string& path) = 0;
    // Lets go of the pages under `memory`, which must be a shared mapping of a file: the next
    // access finds the same bytes there.
    virtual void drop_resident(std::span<const std::byte> memory) noexcept = 0;
};

// As Linux tells it. `proc` is where "/proc/self" is to be found.
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
