// os/file_system.h on real files.
#include "os/file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fault_file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"
#include "support/unable.h"

namespace larder::internal::os {
namespace {

using support::Operation;
using support::read_file;
using support::write_file;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class FileSystemTest : public ::testing::Test {
protected:
    Errc code_of(const Result<std::unique_ptr<File>>& file) {
        EXPECT_FALSE(file);
        return file ? Errc::io : file.error().code;
    }

    support::TemporaryDirectory directory_;
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
};

TEST_F(FileSystemTest, WritesAndReadsAtAnyPlace) {
    auto file = fs_->open(directory_ / "x", OpenMode::create_exclusive);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(3, bytes_of("def")));
    ASSERT_TRUE((*file)->write_at(0, bytes_of("abc")));
    ASSERT_TRUE((*file)->sync());
    std::string text(4, ' ');
    ASSERT_TRUE((*file)->read_at(1, std::as_writable_bytes(std::span(text))));
    EXPECT_EQ(text, "bcde");
    EXPECT_EQ((*file)->read_at(3, std::as_writable_bytes(std::span(text))).error().code,
              Errc::damaged);
    EXPECT_EQ((*file)->info()->stamp.size_bytes, 6U);
}

TEST_F(FileSystemTest, OpensAsAsked) {
    using enum OpenMode;
    const auto path = directory_ / "x";
    EXPECT_EQ(code_of(fs_->open(path, read)), Errc::not_found);
    EXPECT_EQ(code_of(fs_->open(path, read_write)), Errc::not_found);
    EXPECT_TRUE(fs_->open(path, create_exclusive));
    EXPECT_EQ(code_of(fs_->open(path, create_exclusive)), Errc::already_exists);
    EXPECT_TRUE(fs_->open(path, create_or_open));
    // A link of another user cannot redirect a write.
    ASSERT_TRUE(fs_->symlink(path, directory_ / "link"));
    EXPECT_FALSE(fs_->open(directory_ / "link", create_or_open));
    EXPECT_EQ(code_of(fs_->open(directory_ / "no/x", create_or_open)), Errc::not_found);
    const auto file = fs_->open(path, read);
    ASSERT_TRUE(file);
    EXPECT_FALSE((*file)->write_at(0, bytes_of("x")));
}

TEST_F(FileSystemTest, StampSeesAnEditThatKeepsSizeAndTime) {
    const auto path = directory_ / "x";
    write_file(path, "one");
    const auto before = fs_->info(path);
    struct timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = before->stamp.mtime_ns / 1'000'000'000;
    times[1].tv_nsec = before->stamp.mtime_ns % 1'000'000'000;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    write_file(path, "two");
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    const auto after = fs_->info(path);
    EXPECT_EQ(after->stamp.size_bytes, before->stamp.size_bytes);
    EXPECT_EQ(after->stamp.mtime_ns, before->stamp.mtime_ns);
    EXPECT_NE(after->stamp, before->stamp);
}

TEST(FileStamp, IsSettledOnceTheClockHasMovedOn) {
    const FileStamp fine{.ctime_ns = 1'000'000'000'000'000'001};
    EXPECT_FALSE(is_settled(fine, fine.ctime_ns));
    EXPECT_FALSE(is_settled(fine, fine.ctime_ns + 20'000'000));
    EXPECT_TRUE(is_settled(fine, fine.ctime_ns + 20'000'001));
    EXPECT_FALSE(is_settled(fine, fine.ctime_ns - 1)) << "a clock that went back";
    const FileStamp coarse{.ctime_ns = 1'000'000'000'000'000'000};
    EXPECT_FALSE(is_settled(coarse, coarse.ctime_ns + 2'000'000'000));
    EXPECT_TRUE(is_settled(coarse, coarse.ctime_ns + 2'000'000'001));
}

TEST_F(FileSystemTest, MappingOutlivesTheFileAndItsName) {
    const auto path = directory_ / "x";
    write_file(path, "0123456789");
    std::shared_ptr<Mapping> mapping;
    {
        const auto file = fs_->open(path, OpenMode::read);
        mapping = *fs_->map(**file, 10);
    }
    ASSERT_TRUE(fs_->remove(path));
    write_file(path, "another file");
    mapping->drop_resident();
    EXPECT_EQ(text_of(mapping->bytes()), "0123456789");
}

TEST_F(FileSystemTest, MapsNothingAndRefusesMoreThanThereIs) {
    const auto path = directory_ / "x";
    write_file(path, "abc");
    const auto file = fs_->open(path, OpenMode::read);
    const auto empty = fs_->map(**file, 0);
    ASSERT_TRUE(empty);
    EXPECT_TRUE((*empty)->bytes().empty());
    (*empty)->drop_resident();
    EXPECT_EQ(fs_->map(**file, 4).error().code, Errc::damaged);
}

TEST_F(FileSystemTest, ReopensAFileThatHasLostItsName) {
    const auto path = directory_ / "x";
    write_file(path, "abc");
    const auto file = fs_->open(path, OpenMode::read_write);
    ASSERT_TRUE(fs_->remove(path));
    write_file(path, "def");
    auto again = (*file)->reopen();
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ((*again)->info()->stamp, (*file)->info()->stamp);
    std::string text(3, ' ');
    ASSERT_TRUE((*again)->read_at(0, std::as_writable_bytes(std::span(text))));
    EXPECT_EQ(text, "abc");
    EXPECT_FALSE((*again)->write_at(0, bytes_of("x"))) << "it is for reading";
}

std::size_t pages_of(std::size_t size_bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size_bytes + page - 1) / page;
}

// The number of a mapping's pages in the page cache.
std::size_t cached_pages(std::span<const std::byte> bytes) {
    std::vector<unsigned char> states(pages_of(bytes.size()));
    EXPECT_EQ(::mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), states.data()), 0);
    return static_cast<std::size_t>(
        std::count_if(states.begin(), states.end(), [](auto state) { return (state & 1U) != 0; }));
}

TEST_F(FileSystemTest, ReadsAheadWhatIsAskedForAndNothingBeyondTheEnd) {
    for (const std::size_t size_bytes : {100'001U, 20'000'001U}) {
        const auto path = directory_ / std::to_string(size_bytes);
        write_file(path, std::string(size_bytes, 'x'));
        const auto file = fs_->open(path, OpenMode::read_write);
        ASSERT_TRUE((*file)->sync());
        const auto mapping = *fs_->map(**file, size_bytes);
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
        ::close(descriptor);
        (*file)->read_ahead(size_bytes, 1);
        (*file)->read_ahead(~std::uint64_t{0}, ~std::uint64_t{0});
        // If memory is scarce, the kernel reclaims pages that were just read.
        for (int i = 0; i < 10 && cached_pages(mapping->bytes()) < pages_of(size_bytes); ++i) {
            (*file)->read_ahead(1, ~std::uint64_t{0});
        }
        EXPECT_EQ(cached_pages(mapping->bytes()), pages_of(size_bytes));
        EXPECT_EQ(text_of(mapping->bytes()), std::string(size_bytes, 'x'));
    }
}

TEST_F(FileSystemTest, ReadsAheadOfAFileThatWasCutShortWithoutHarm) {
    constexpr std::size_t k_bytes = 20'000'000;
    const auto path = directory_ / "x";
    write_file(path, std::string(k_bytes, 'x'));
    const auto file = fs_->open(path, OpenMode::read);
    const auto mapping = *fs_->map(**file, k_bytes);
    ASSERT_EQ(::truncate(path.c_str(), 5'000'000), 0);
    (*file)->read_ahead(0, k_bytes);
    EXPECT_EQ(text_of(mapping->bytes().first(3)), "xxx");
}

TEST_F(FileSystemTest, RenamesReplaceAndLinksDoNot) {
    write_file(directory_ / "a", "a");
    write_file(directory_ / "b", "b");
    EXPECT_EQ(fs_->link(directory_ / "a", directory_ / "b").error().code, Errc::already_exists);
    ASSERT_TRUE(fs_->link(directory_ / "a", directory_ / "c"));
    EXPECT_EQ(fs_->info(directory_ / "a")->links, 2U);
    ASSERT_TRUE(fs_->rename(directory_ / "a", directory_ / "b"));
    EXPECT_EQ(read_file(directory_ / "b"), "a");
    EXPECT_EQ(support::tree_of(directory_.path()), "b\nc\n");
}

TEST_F(FileSystemTest, ListsNamesKindsAndInodes) {
    write_file(directory_ / "file", "");
    ASSERT_TRUE(fs_->make_directory(directory_ / "directory"));
    ASSERT_TRUE(fs_->symlink("nowhere", directory_ / "symlink"));
    ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
    auto entries = fs_->list(directory_.path());
    ASSERT_TRUE(entries);
    std::sort(entries->begin(), entries->end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    ASSERT_EQ(entries->size(), 4U);
    EXPECT_EQ((*entries)[0].kind, FileKind::directory);
    EXPECT_EQ((*entries)[1].kind, FileKind::regular);
    EXPECT_EQ((*entries)[1].inode, fs_->info(directory_ / "file")->stamp.inode);
    EXPECT_EQ((*entries)[2].kind, FileKind::other);
    EXPECT_EQ((*entries)[3].kind, FileKind::symlink);
    EXPECT_EQ(fs_->link_info(directory_ / "symlink")->kind, FileKind::symlink);
    EXPECT_EQ(fs_->info(directory_ / "symlink").error().code, Errc::not_found);
    EXPECT_EQ(fs_->list(directory_ / "none").error().code, Errc::not_found);
}

// Each new name is made durable by a sync of its directory.
TEST_F(FileSystemTest, DirectoriesAreMadeDurableFromTheTop) {
    support::CountingFileSystem counting(*fs_);
    ASSERT_TRUE(make_directories(counting, directory_ / "a/b/c"));
    std::string expected;
    const auto root = directory_.path().string();
    for (const std::string name : {"", "/a", "/a/b"}) {
        EXPECT_NE(counting.transcript().find("sync_directory " + root + name + "\n"),
                  std::string::npos);
    }
    EXPECT_EQ(counting.calls(Operation::sync_directory), 3U);
    counting.reset();
    ASSERT_TRUE(make_directories(counting, directory_ / "a/b/c"));
    EXPECT_EQ(counting.calls(Operation::sync_directory), 0U);
    write_file(directory_ / "file", "");
    EXPECT_FALSE(make_directories(counting, directory_ / "file"));
    EXPECT_FALSE(make_directories(counting, directory_ / "file/x"));
}

TEST_F(FileSystemTest, ReadTextRefusesWhatIsNoSmallFile) {
    write_file(directory_ / "x", "12345");
    EXPECT_EQ(read_text(*fs_, directory_ / "x", 5), "12345");
    EXPECT_EQ(read_text(*fs_, directory_ / "x", 4).error().code, Errc::damaged);
    EXPECT_EQ(read_text(*fs_, directory_.path(), 5).error().code, Errc::damaged);
    EXPECT_EQ(read_text(*fs_, directory_ / "none", 5).error().code, Errc::not_found);
}

TEST_F(FileSystemTest, RemoveTreeFollowsNoLink) {
    support::TemporaryDirectory other;
    write_file(other / "precious", "x");
    ASSERT_TRUE(make_directories(*fs_, directory_ / "tree/deeper"));
    write_file(directory_ / "tree/deeper/file", "x");
    ASSERT_TRUE(fs_->symlink(other.path(), directory_ / "tree/link"));
    ASSERT_TRUE(remove_tree(*fs_, directory_ / "tree"));
    ASSERT_TRUE(remove_tree(*fs_, directory_ / "tree"));
    EXPECT_EQ(support::tree_of(directory_.path()), "");
    EXPECT_EQ(read_file(other / "precious"), "x");
}

TEST_F(FileSystemTest, DescriptorsDoNotReachOtherPrograms) {
    const auto file = fs_->open(directory_ / "x", OpenMode::create_or_open);
    ASSERT_TRUE(file);
    const auto command =
        "test \"$(ls -l /proc/self/fd | grep -c '" + (directory_ / "x") + "')\" = 0";
    EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_F(FileSystemTest, SetsWhenAFileWasModified) {
    write_file(directory_ / "x", "x");
    for (const std::int64_t time_ns : {1'790'000'000'123'456'789, 0L, -1'500'000'000L}) {
        ASSERT_TRUE(fs_->set_mtime(directory_ / "x", time_ns));
        EXPECT_EQ(fs_->info(directory_ / "x")->stamp.mtime_ns, time_ns);
    }
    ASSERT_TRUE(fs_->touch(directory_ / "x"));
    EXPECT_GT(fs_->info(directory_ / "x")->stamp.mtime_ns, 1'000'000'000);
    EXPECT_EQ(fs_->set_mtime(directory_ / "y", 0).error().code, Errc::not_found);
}

TEST_F(FileSystemTest, SaysWhetherADirectoryCanBeWritten) {
    if (!support::can_become_another_user()) LARDER_UNABLE() << "cannot become another user";
    EXPECT_TRUE(fs_->check_writable(directory_.path()));
    EXPECT_EQ(support::run_as(65534,
                              [&] {
                                  const auto writable = fs_->check_writable(directory_.path());
                                  ASSERT_FALSE(writable);
                                  EXPECT_EQ(writable.error().code, Errc::permission_denied);
                              }),
              0);
}

TEST(Paths, AreJoinedAndTakenApart) {
    EXPECT_EQ(join("a", "b"), "a/b");
    EXPECT_EQ(join("a/", "b"), "a/b");
    EXPECT_EQ(join("a/", "/b"), "a/b");
    EXPECT_EQ(join("/", "b"), "/b");
    EXPECT_EQ(join("", "b"), "b");
    EXPECT_EQ(parent_directory("/a/b"), "/a");
    EXPECT_EQ(parent_directory("/a/b/"), "/a");
    EXPECT_EQ(parent_directory("/a"), "/");
    EXPECT_EQ(parent_directory("/"), "/");
    EXPECT_EQ(parent_directory("a"), ".");
    EXPECT_EQ(file_name("/a/b"), "b");
    EXPECT_EQ(file_name("/a/b/"), "b");
    EXPECT_EQ(file_name("b"), "b");
}

TEST(Paths, ThatAreAbsoluteKeepLinksAndTheirMeaning) {
    const support::TemporaryDirectory root;
    namespace stdfs = std::filesystem;
    stdfs::create_directories(root / "there/deep");
    stdfs::create_directories(root / "here");
    stdfs::create_symlink(root / "there/deep", root / "here/over");
    support::write_file(root / "there/m", "1");
    const std::string here = root / "here";
    EXPECT_EQ(absolute_path(here + "/./over//m"), here + "/over/m") << "links stay";
    EXPECT_EQ(absolute_path(here + "/../there/m"), root / "there/m");
    EXPECT_EQ(absolute_path(here + "/none/../m"), here + "/m");
    EXPECT_EQ(absolute_path(here + "/over/../m"), here + "/over/../m") << "not here/m";
    support::write_file(root / "here/m", "2");
    EXPECT_EQ(absolute_path(here + "/over/../m"), here + "/over/../m");
}

}  // namespace
}  // namespace larder::internal::os
