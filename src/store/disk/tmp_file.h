// Unfinished files. Their writer holds a lock on them, so that a sweep can tell which belong to a
// process that died. Private to store/.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/file_system.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Decides the file's mode: that of everything in the larder; or, for a file that stays in `tmp/`,
// one that lets a group look at its lock and sweep it, and lets only its owner write to it.
enum class Readers { as_the_larder, of_the_lock };

// A locked file in `tmp/`, removed by the destructor unless it was moved away.
class TmpFile {
public:
    // Creates `tmp/<kind>-<machine>-<nonce><suffix>`, open for reading and writing.
    [[nodiscard]] static Result<TmpFile> create(Context& context, const Layout& layout,
                                                std::string_view kind, std::string_view suffix = {},
                                                Readers readers = Readers::as_the_larder);
    TmpFile(TmpFile&&) noexcept = default;
    TmpFile& operator=(TmpFile&&) = delete;
    TmpFile(const TmpFile&) = delete;
    TmpFile& operator=(const TmpFile&) = delete;
    ~TmpFile();

    [[nodiscard]] os::File& file() { return *file_; }
    [[nodiscard]] const std::string& path() const { return path_; }

    // Replaces any file at `path`, which must be in an existing directory of the same file system.
    [[nodiscard]] Result<void> move_to(const std::string& path);
    // Hands over the open, locked file; the new owner must remove it.
    [[nodiscard]] std::unique_ptr<os::File> release() && { return std::move(file_); }

private:
    TmpFile(os::FileSystem& fs, std::unique_ptr<os::File> file, std::string path)
        : fs_(&fs), file_(std::move(file)), path_(std::move(path)) {}

    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;  // null once released
    std::string path_;
    Ownership ownership_;
    bool moved_ = false;
};

// The names of a directory in `tmp/` and of its marker, `tmp/dir-<nonce>.lock`.
inline constexpr std::string_view k_directory_kind = "dir";
inline constexpr std::string_view k_marker_suffix = ".lock";

// True if `path` (still) names the open file.
[[nodiscard]] Result<bool> names(os::FileSystem& fs, const std::string& path, os::File& file);

// Returns 8 hexadecimal characters that identify this machine since its start.
[[nodiscard]] std::string machine_mark(const Context& context);
// Returns "<machine>-<nonce>": a name that shows whose locks prove anything.
[[nodiscard]] std::string make_owned_nonce(const Context& context);
// Tells whether a lock on a file excludes other processes of this machine. A file system that
// grants every lock looks the same to a process that asks for one.
[[nodiscard]] Result<bool> locks_exclude(Context& context);

// Removes a file, and the directory that it is the marker of, if its owner is gone.
void sweep_file(Context& context, const std::string& path) noexcept;
// Removes everything in `tmp/` whose owner is gone. Costs one directory listing if there is
// nothing. Best effort: what cannot be removed now is left for the next sweep.
void sweep(Context& context, const Layout& layout) noexcept;

}  // namespace larder::internal::store
