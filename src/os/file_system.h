// Every file operation of larder goes through this interface, so that tests can make any one of
// them fail, or lose data that was not synced.
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

// Identifies a file's content without reading it: ctime reveals even an edit that keeps size and
// mtime.
struct FileStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;

    bool operator==(const FileStamp&) const = default;
};

// Tells whether any later change of a file with this stamp, which was read from `read_at_ns` (since
// the epoch) on, gives it another stamp: its last change must be older than the file system's clock
// resolution.
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
    std::uint64_t id = 0;  // of the file system; 0 if it has none
};

enum class LockMode { shared, exclusive };

// An open file, closed by its destructor. Reads and writes have explicit offsets, so that several
// threads can use one file at once.
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
    // Asks the kernel to begin with what `sync` has to do, and does not wait for its end.
    virtual void begin_sync() noexcept = 0;
    // Data survives power loss only once this has returned. After a failure the kernel may have
    // dropped the pages: write the data to a new file, and never sync this one again.
    [[nodiscard]] virtual Result<void> sync() = 0;
    [[nodiscard]] virtual Result<void> set_mode(std::uint32_t mode) = 0;
    // Gives the file to another user, which only root may do.
    [[nodiscard]] virtual Result<void> set_owner(std::uint32_t owner) = 0;
    // If the process crashes while the file is open, changes the file's mode (see
    // os/crash_marks.h), provided CrashMark can notice the crash. The last call counts.
    virtual void mark_on_crash(Crashes crashes) = 0;
    [[nodiscard]] virtual Result<FileInfo> info() = 0;
    // Takes the kernel's whole-file lock (open file description lock), held until the file is
    // closed or the process dies; a child made by fork does not have it. Never waits: Errc::busy if
    // another process, or another File of this process, holds it. The exclusive lock needs a file
    // that is open for writing.
    [[nodiscard]] virtual Result<void> try_lock(LockMode mode) = 0;
    [[nodiscard]] Result<void> try_lock() { return try_lock(LockMode::exclusive); }
    // Tells whether another holder has a lock, of either mode. Takes none itself, so that two
    // concurrent callers do not see each other.
    [[nodiscard]] virtual Result<bool> is_locked() = 0;
    // Opens the same file once more for reading, even if its name is gone. The kernel reads ahead
    // for each open file separately: a second reader at another place does not disturb the first.
    [[nodiscard]] virtual Result<std::unique_ptr<File>> reopen() = 0;
    // Reads a range into the page cache, including parts that are cached already. Ignores read
    // errors; the next access meets them.
    virtual void read_ahead(std::uint64_t offset, std::uint64_t size_bytes) noexcept = 0;
    [[nodiscard]] virtual const std::string& path() const = 0;
};

// A read-only range of memory that holds a file or pieces of several. Unmapped by its destructor.
class Mapping {
public:
    Mapping() = default;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    virtual ~Mapping() = default;

    [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
    // Releases the memory that the pages take in this process; the next access reads them again.
    // Copied bytes stay.
    virtual void drop_resident() noexcept = 0;
    // Tells whether a range is in the page cache, judged by its ends. False if the kernel does not
    // tell: it tells only a file's owner.
    [[nodiscard]] virtual bool is_cached(std::uint64_t offset,
                                         std::uint64_t size_bytes) const noexcept = 0;
};

// Bytes of an open file, for a mapping that consists of several.
struct MapPiece {
    File* file = nullptr;
    std::uint64_t file_offset = 0;
    std::uint64_t size_bytes = 0;
    bool is_copied = false;  // copies all bytes, so that later changes to the file have no effect
};

enum class OpenMode {
    read,
    read_write,        // must exist
    create_exclusive,  // read and write; Errc::already_exists if it exists
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

    // `mode` is the mode of a created file, before the umask. The descriptor is closed on exec.
    [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode how,
                                                             std::uint32_t mode = 0666) = 0;
    [[nodiscard]] virtual Result<FileInfo> info(const std::string& path) = 0;
    // Does not follow a symbolic link in the last component.
    [[nodiscard]] virtual Result<FileInfo> link_info(const std::string& path) = 0;
    // Returns the absolute path with every symbolic link resolved. Errc::not_found if it does not
    // exist.
    [[nodiscard]] virtual Result<std::string> canonical(const std::string& path) = 0;
    // Maps `size_bytes` of an open file; the file may be closed afterwards. An empty file gives an
    // empty span. Errc::damaged if the file is shorter.
    [[nodiscard]] virtual Result<std::shared_ptr<Mapping>> map(File& file,
                                                               std::uint64_t size_bytes) = 0;
    // Maps pieces of open files one after the other, with the first byte `start_in_page` bytes
    // after the beginning of a page. Maps whole pages of a piece if its place in memory allows that
    // (see os/composition.h), and reads everything else now, into memory of this process.
    // Errc::damaged if a file is shorter than its piece.
    [[nodiscard]] virtual Result<std::shared_ptr<Mapping>> map_pieces(
        std::span<const MapPiece> pieces, std::uint64_t start_in_page) = 0;
    // Replaces private memory by a copy-on-write mapping of an open file that begins with the same
    // bytes: all processes that do this share its pages. `memory` consists of whole pages. Compares
    // all bytes by reading the file; later writes stay in this process. Returns false, without an
    // effect, if the bytes differ or the file is shorter. After an Error the memory still has the
    // same bytes. The caller ensures that no thread writes to the memory or frees it meanwhile.
    [[nodiscard]] virtual Result<bool> replace_memory(File& file, std::span<std::byte> memory) = 0;
    // Gives this process private copies of the pages wherever `memory` is still a copy-on-write
    // mapping of the file: for a file whose content may be lost. No byte changes, even if other
    // threads read or write the memory meanwhile; the memory may have been freed and reused.
    // Errc::unsupported before Linux 5.14.
    [[nodiscard]] virtual Result<void> make_private(File& file, std::span<std::byte> memory) = 0;
    [[nodiscard]] virtual bool can_make_private() = 0;
    [[nodiscard]] virtual Result<void> make_directory(const std::string& path) = 0;
    // Lists in no particular order, without "." and "..".
    [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
    // Makes names in the directory durable.
    [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
    // Atomic; replaces an existing file.
    [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    // Adds a second name for the same file (hard link). Errc::already_exists if that name exists.
    [[nodiscard]] virtual Result<void> link(const std::string& from, const std::string& to) = 0;
    [[nodiscard]] virtual Result<void> symlink(const std::string& target,
                                               const std::string& path) = 0;
    [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
    [[nodiscard]] virtual Result<void> remove_directory(const std::string& path) = 0;
    // Sets the file's mtime to now; needs only the right to write to it. Not made durable.
    [[nodiscard]] virtual Result<void> touch(const std::string& path) = 0;
    // Sets the mtime to a time since the epoch; only for the user's own files. Not made durable.
    [[nodiscard]] virtual Result<void> set_mtime(const std::string& path,
                                                 std::int64_t mtime_ns) = 0;
    [[nodiscard]] virtual Result<SpaceInfo> space(const std::string& path) = 0;
    // Tells whether this user may create files in a directory, as far as that is known without
    // trying.
    [[nodiscard]] virtual Result<void> check_writable(const std::string& path) = 0;
};

// Returns the operating system's file system. Retries EINTR and continues short reads and writes.
[[nodiscard]] std::unique_ptr<FileSystem> make_posix_file_system();

// Calls `make_directory` for each missing component, and makes each durable.
[[nodiscard]] Result<void> make_directories(FileSystem& fs, const std::string& path);
// Returns the whole content of a small file; Errc::damaged if it is larger than `size_bytes_max`.
[[nodiscard]] Result<std::string> read_text(FileSystem& fs, const std::string& path,
                                            std::uint64_t size_bytes_max);
// A text with the file's information from when it was opened.
struct TextFile {
    std::string text;
    FileInfo info;
};
[[nodiscard]] Result<TextFile> read_text_file(FileSystem& fs, const std::string& path,
                                              std::uint64_t size_bytes_max);
// Removes a directory and everything in it. Follows no symbolic link. It is no error if something
// is already gone.
[[nodiscard]] Result<void> remove_tree(FileSystem& fs, const std::string& path);

// Returns "a/b": joins with exactly one slash.
[[nodiscard]] std::string join(std::string_view directory, std::string_view name);
// Returns the path from the root, without "."; also without "..", unless that would name another
// file. Keeps links; the file need not exist. Returns the path unchanged if there is no working
// directory.
[[nodiscard]] std::string absolute_path(const std::string& path);
[[nodiscard]] std::string parent_directory(std::string_view path);
[[nodiscard]] std::string file_name(std::string_view path);

}  // namespace larder::internal::os
