// A file system that passes every call to another one; a test can see each call, and refuse it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::support {

enum class Operation {
    open,
    create,
    read,
    write,
    sync,
    set_mode,
    file_info,
    lock,
    is_locked,
    reopen,
    info,
    link_info,
    canonical,
    map,
    make_directory,
    list,
    sync_directory,
    rename,
    link,
    symlink,
    remove,
    remove_directory,
    space,
    check_writable,
    touch,  // of set_mtime too
};

[[nodiscard]] std::string_view to_string(Operation operation);
// Whether the data on disk, or its durable part, may differ afterwards.
[[nodiscard]] bool changes_something(Operation operation);

struct Call {
    Operation operation = Operation::open;
    std::string path;
    std::string target{};  // of rename, link and symlink
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes{};  // to be written
    std::uint64_t inode = 0;             // of an open file
    std::uint32_t mode = 0;
};

// Passes every call to `inner`. Thread-safe if the hooks are.
class InterceptedFileSystem : public os::FileSystem {
public:
    // `inner` must outlive it.
    explicit InterceptedFileSystem(os::FileSystem& inner) : inner_(inner) {}

    Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode how,
                                           std::uint32_t mode) override;
    Result<os::FileInfo> info(const std::string& path) override;
    Result<os::FileInfo> link_info(const std::string& path) override;
    Result<std::string> canonical(const std::string& path) override;
    Result<std::shared_ptr<os::Mapping>> map(os::File& file, std::uint64_t size_bytes) override;
    Result<std::shared_ptr<os::Mapping>> map_pieces(std::span<const os::MapPiece> pieces,
                                                    std::uint64_t start_in_page) override;
    Result<bool> replace_memory(os::File& file, std::span<std::byte> memory) override;
    Result<void> make_private(os::File& file, std::span<std::byte> memory) override;
    bool can_make_private() override { return inner_.can_make_private(); }
    Result<void> make_directory(const std::string& path) override;
    Result<std::vector<os::DirectoryEntry>> list(const std::string& path) override;
    Result<void> sync_directory(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> link(const std::string& from, const std::string& to) override;
    Result<void> symlink(const std::string& target, const std::string& path) override;
    Result<void> remove(const std::string& path) override;
    Result<void> remove_directory(const std::string& path) override;
    Result<os::SpaceInfo> space(const std::string& path) override;
    Result<void> touch(const std::string& path) override;
    Result<void> set_mtime(const std::string& path, std::int64_t mtime_ns) override;
    Result<void> check_writable(const std::string& path) override;

    // How often os::File::begin_sync was called, which cannot fail.
    [[nodiscard]] std::uint64_t begun_syncs() const { return begun_syncs_; }

protected:
    // The error that replaces the call; nothing: the call is made.
    [[nodiscard]] virtual std::optional<Error> before(const Call& call) = 0;
    // The call was made and succeeded.
    virtual void after(const Call& /*call*/) {}
    [[nodiscard]] os::FileSystem& inner() { return inner_; }

private:
    class InterceptedFile;

    template <typename Action>
    auto intercept(const Call& call, const Action& action) -> decltype(action());

    os::FileSystem& inner_;
    std::atomic<std::uint64_t> begun_syncs_{0};
};

}  // namespace larder::internal::support
