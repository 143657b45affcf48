// Every file operation of larder goes through this interface, so that tests can make any one of
// them fail, or forget what was not synced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/crash_marks.h"

namespace larder::internal::os {

enum class FileKind { regular, directory, symlink, other };

// What identifies a file's content without reading it: an edit that keeps size and mtime is still
// seen through ctime.
struct FileStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;

    bool operator==(const FileStamp&) const = default;
};

// Whether a file with this stamp, read from `read_at_ns` (since the epoch) on, can be told from one
// that is changed later: its last change must be older than the file system's clock is coarse.
[[nodiscard]] bool is_settled(const FileStamp& stamp, std::int64_t read_at_ns);

struct FileInfo {
    FileStamp stamp;
    FileKind kind = FileKind::other;
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t owner = 0;
    std::uint64_t links = 0;
    std::uint64_t allocated_bytes = 0;
};

struct DirectoryEntry {
    std::string name;
    FileKind kind = FileKind::other;
    std::uint64_t inode = 0;
};

enum class Locality { local, network, memory };

struct SpaceInfo {
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;  // to this user
    Locality locality = Locality::local;
    std::uint64_t id = 0;  // of the file system; 0 where it has none
};

enum class LockMode { shared, exclusive };

// An open file. Closed by its destructor. Reads and writes are positioned, so that several threads
// can use one file at once.
class File {
public:
    File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;

    // Fills `buffer` or fails: a file that ends early is Errc::damaged.
    [[nodiscard]] virtual Result<void> read_at(std::uint64_t offset,
                                               std::span<std::byte> buffer) = 0;
    // Writes all of `bytes` or fails.
    [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset,
                                                std::span<const std::byte> bytes) = 0;
    // Until it returns, nothing is promised to survive power loss. After a failure the kernel may
    // have dropped the pages: write the file anew, never sync it again.
    [[nodiscard]] virtual Result<void> sync() = 0;
    [[nodiscard]] virtual Result<void> set_mode(std::uint32_t mode) = 0;
    // Gives the file to another user, which root alone may do.
    [[nodiscard]] virtual Result<void> set_owner(std::uint32_t owner) = 0;
    // Should the process crash while the file is open, its mode says so (see os/crash_marks.h),
    // where CrashMark can notice it. The last call counts.
    virtual void mark_on_crash(Crashes crashes) = 0;
    [[nodiscard]] virtual Result<FileInfo> info() = 0;
    // Takes the kernel's whole-file lock (open file description lock), held until the file is
    // closed or the process dies; a child made by fork does not have it. Never waits: Errc::busy
    // when somebody else, also another thread through another File, holds it. The exclusive lock
    // needs a file open for writing.
    [[nodiscard]] virtual Result<void> try_lock(LockMode mode) = 0;
    [[nodiscard]] Result<void> try_lock() { return try_lock(LockMode::exclusive); }
    // Whether somebody else holds a lock, of either mode. Takes none itself, so that two who ask at
    // once do not see each other.
    [[nodiscard]] virtual Result<bool> is_locked() = 0;
    // The same file, also where its name is gone, opened once more for reading. The kernel reads
    // ahead of each open file by itself: a second one in another place does not upset the first.
    [[nodiscard]] virtual Result<std::unique_ptr<File>> reopen() = 0;
    // Brings a range into the page cache; what is there already is read too. What cannot be read is
    // left for whoever accesses it.
    virtual void read_ahead(std::uint64_t offset, std::uint64_t size_bytes) noexcept = 0;
    [[nodiscard]] virtual const std::string& path() const = 0;
};

// A range of memory, read-only, that holds a file or pieces of several. Unmapped by its destructor.
class Mapping {
public:
    Mapping() = default;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    virtual ~Mapping() = default;

    [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
    // Lets go of the memory that the pages take in this process; the next access reads them again.
    // What was copied stays.
    virtual void drop_resident() noexcept = 0;
    // Whether a range is in the page cache, judged by its ends. False where the kernel does not
    // tell: it tells a file's owner.
    [[nodiscard]] virtual bool is_cached(std::uint64_t offset,
                                         std::uint64_t size_bytes) const noexcept = 0;
};

// Bytes of an open file, for a mapping that is made of several.
struct MapPiece {
    File* file = nullptr;
    std::uint64_t file_offset = 0;
    std::uint64_t size_bytes = 0;
    bool is_copied = false;  // none of its pages is mapped: whatever becomes of the file
};

enum class OpenMode {
    read,
    read_write,        // must exist
    create_exclusive,  // read and write; Errc::already_exists if there
    create_or_open,    // read and write
};

// All methods are thread-safe. Paths are absolute or relative to the working directory; symbolic
// links are followed, except by `remove` and `rename`.
class FileSystem {
public:
    FileSystem() = default;
    FileSystem(const FileSystem&) = delete;
    FileSystem& operator=(const FileSystem&) = delete;
    virtual ~FileSystem() = default;

    // `mode` is what a created file gets, before the umask. The descriptor is closed on exec.
    [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode how,
                                                             std::uint32_t mode = 0666) = 0;
    [[nodiscard]] virtual Result<FileInfo> info(const std::string& path) = 0;
    // Follows no symbolic link in the last component.
    [[nodiscard]] virtual Result<FileInfo> link_info(const std::string& path) = 0;
    // The absolute path with every symbolic link resolved. Errc::not_found if it does not exist.
    [[nodiscard]] virtual Result<std::string> canonical(const std::string& path) = 0;
    // Maps `size_bytes` of an open file; the file may be closed afterwards. An empty file gives an
    // empty span. Errc::damaged if the file is shorter.
    [[nodiscard]] virtual Result<std::shared_ptr<Mapping>> map(File& file,
                                                               std::uint64_t size_bytes) = 0;
    // Maps pieces of open files one after the other, so that the first byte lies `start_in_page`
    // bytes behind the beginning of a page. Whole pages of a piece are mapped where its place in
    // memory lets them (see os/composition.h), everything else is read now, into memory of this
    // process. Errc::damaged if a file is shorter than its piece.
    [[nodiscard]] virtual Result<std::shared_ptr<Mapping>> map_pieces(
        std::span<const MapPiece> pieces, std::uint64_t start_in_page) = 0;
    // Puts the beginning of an open file in the place of private memory that holds the same bytes:
    // a copy-on-write mapping, whose pages all who do this share. `memory` is whole pages. They are
    // compared in full, by reading the file; what is written afterwards stays in this process.
    // False, and nothing happens, where they differ or the file is shorter; the same bytes, too,
    // after an Error. The caller sees to it that nobody writes to the memory or frees it meanwhile.
    [[nodiscard]] virtual Result<bool> replace_memory(File& file, std::span<std::byte> memory) = 0;
    // Gives this process pages of its own wherever `memory` is still a copy-on-write mapping of the
    // file: for a file whose content may be lost. No byte changes, whoever reads or writes the
    // memory meanwhile; it may have been freed, and be used for something else by now.
    // Errc::unsupported before Linux 5.14.
    [[nodiscard]] virtual Result<void> make_private(File& file, std::span<std::byte> memory) = 0;
    [[nodiscard]] virtual bool can_make_private() = 0;
    [[nodiscard]] virtual Result<void> make_directory(const std::string& path) = 0;
    // In no particular order, without "." and "..".
    [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
    // Makes names in the directory durable.
    [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
    // Atomic; replaces what is there.
    [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    // A second name for the same file (hard link). Errc::already_exists if there.
    [[nodiscard]] virtual Result<void> link(const std::string& from, const std::string& to) = 0;
    [[nodiscard]] virtual Result<void> symlink(const std::string& target,
                                               const std::string& path) = 0;
    [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
    [[nodiscard]] virtual Result<void> remove_directory(const std::string& path) = 0;
    // Sets the file's mtime to now; needs no more than the right to write to it. Not made durable.
    [[nodiscard]] virtual Result<void> touch(const std::string& path) = 0;
    // Sets it to a time since the epoch; of the owner's own files. Not made durable.
    [[nodiscard]] virtual Result<void> set_mtime(const std::string& path,
                                                 std::int64_t mtime_ns) = 0;
    [[nodiscard]] virtual Result<SpaceInfo> space(const std::string& path) = 0;
    // Whether this user may create files in a directory, as far as can be told without trying.
    [[nodiscard]] virtual Result<void> check_writable(const std::string& path) = 0;
};

// The operating system's own. Retries EINTR and continues short reads and writes.
[[nodiscard]] std::unique_ptr<FileSystem> make_posix_file_system();

// `make_directory` for each missing component, each made durable.
[[nodiscard]] Result<void> make_directories(FileSystem& fs, const std::string& path);
// The whole content of a small file; Errc::damaged if it is larger than `size_bytes_max`.
[[nodiscard]] Result<std::string> read_text(FileSystem& fs, const std::string& path,
                                            std::uint64_t size_bytes_max);
// With what the file was like when it was opened.
struct TextFile {
    std::string text;
    FileInfo info;
};
[[nodiscard]] Result<TextFile> read_text_file(FileSystem& fs, const std::string& path,
                                              std::uint64_t size_bytes_max);
// Removes a directory and everything in it. Follows no symbolic link. What is already gone is not
// an error.
[[nodiscard]] Result<void> remove_tree(FileSystem& fs, const std::string& path);

// "a/b": joins with exactly one slash.
[[nodiscard]] std::string join(std::string_view directory, std::string_view name);
// From the root, without "."; without "..", unless that would name another file. Links stay, and
// the file need not exist. As it is, if there is no working directory.
[[nodiscard]] std::string absolute_path(const std::string& path);
[[nodiscard]] std::string parent_directory(std::string_view path);
[[nodiscard]] std::string file_name(std::string_view path);

}  // namespace larder::internal::os
