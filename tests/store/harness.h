// Larders for tests: the content of an entry can be recomputed from its name and version.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/store.h"
#include "support/interrupted_calls.h"
#include "support/random_text.h"
#include "support/temporary_directory.h"

namespace larder::internal::store {

inline constexpr std::size_t k_mib = std::size_t{1} << 20;

// Different for each name and version; prefixes are not repeated.
[[nodiscard]] std::string content_of(const std::string& name, int version, std::size_t size_bytes);
// Bytes without repetitions, which cannot be compressed.
using support::random_text;
// Floats of 32 bits that came from 16 bits, like constants of many models: compression halves them.
[[nodiscard]] std::string halves_as_floats(std::size_t size_bytes, std::uint64_t seed);
[[nodiscard]] PartSource source_of(const std::string& name, const std::string& content);
[[nodiscard]] Key key_of(const std::string& name);
// One blob.
[[nodiscard]] Publication blob(const std::string& name, int version = 1,
                               std::size_t size_bytes = 5'000);
// A blob with these bytes.
[[nodiscard]] Publication blob_of(const std::string& name, const std::string& content);
// Blobs of one family: a beginning and an end by `seed`, and between them `common`, 70 bytes behind
// the beginning of a page. As whoever exports does, it looks for `common` in `store`, and writes a
// blob that refers to what it finds.
[[nodiscard]] std::string blob_of_family(const std::string& common, std::uint64_t seed);
[[nodiscard]] Publication member_of_family(Store& store, const std::string& name,
                                           const std::string& common, std::uint64_t seed);
// Encoding::files: file names and their contents.
[[nodiscard]] Publication files(const std::string& name,
                                const std::map<std::string, std::string>& contents);

// A memory of verified objects for tests, as long as it exists.
class MapMemory final : public VerifiedMemory {
public:
    bool contains(const os::FileStamp& stamp, const Digest& object) override;
    void remember(const os::FileStamp& stamp, const Digest& object) override;
    void clear();

private:
    std::mutex mutex_;
    std::vector<std::pair<os::FileStamp, Digest>> known_;
};

// A machine: one file system, one log. Must outlive the stores that are opened on it.
class Machine {
public:
    // `fs` and `clock` must outlive it. Without a clock it has a real one.
    explicit Machine(os::FileSystem& fs, os::Clock* clock = nullptr);

    [[nodiscard]] Result<std::unique_ptr<Store>> open(OpenOptions options);
    // Fails the test if it cannot.
    [[nodiscard]] std::unique_ptr<Store> must_open(const std::string& directory);
    [[nodiscard]] os::System system();
    [[nodiscard]] std::string logged() const;
    [[nodiscard]] Log& log() { return log_; }
    [[nodiscard]] MapMemory& memory() { return memory_; }

private:
    os::RealSystem real_;
    os::FileSystem& fs_;
    os::Clock* clock_;
    mutable std::mutex mutex_;
    std::string logged_;
    Log log_;
    MapMemory memory_;
};

// The content of the larder, read independently of the store's code.
struct Contents {
    std::map<std::string, int> versions;  // name -> version, of intact entries
    std::vector<std::string> missing;     // names of entries without their objects
    std::string damage;                   // every inconsistency; empty: none
    std::vector<std::string> unused;      // objects that no entry names
    int compressed = 0;                   // those of `versions` with this encoding
};
[[nodiscard]] Contents read_larder(const std::filesystem::path& directory);

// A larder in memory, on a file system that does not wait for the disk.
class LarderTest : public ::testing::Test {
protected:
    LarderTest();

    [[nodiscard]] Result<Manifest> publish(const Publication& publication) {
        return store_->publish(publication);
    }
    [[nodiscard]] std::string larder() const { return directory_ / "larder"; }
    [[nodiscard]] std::string path_of(const Key& key) const;
    [[nodiscard]] std::string path_of(const Digest& object) const;
    [[nodiscard]] std::string tree() const { return support::tree_of(larder()); }
    // The names in `tmp/`.
    [[nodiscard]] std::string tmp() const { return support::tree_of(larder() + "/tmp"); }
    [[nodiscard]] std::string quarantine() const {
        return support::tree_of(larder() + "/quarantine");
    }

    support::TemporaryDirectory directory_{support::fast_directory()};
    support::UnsyncedCalls calls_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system(calls_);
    Machine machine_{*fs_};
    std::unique_ptr<Store> store_;
};

[[nodiscard]] std::string text_of(const MappedObject& object);

}  // namespace larder::internal::store
