// model/memory_content.h. Real mapped files; the number of hashed bytes shows whether a digest was
// remembered.
#include "model/memory_content.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/mapped_memory.h"
#include "support/mount.h"
#include "support/unable.h"
#include "workshop.h"

namespace larder::internal::model {
namespace {

using Bytes = std::span<const std::byte>;
using support::MappedMemory;

constexpr std::size_t k_size = std::size_t{5} << 20;

// The real system, with some facts replaced.
class ToldAddressSpace final : public os::AddressSpace {
public:
    Result<std::vector<os::FileMapping>> file_mappings() override {
        ++looks;
        auto mappings = real_.file_mappings();
        if (mappings && change) {
            for (auto& mapping : *mappings) change(mapping);
        }
        if (!readable) return fail(Errc::permission_denied, "cannot read", "/proc/self/maps");
        return mappings;
    }
    Result<bool> has_copied_pages(Bytes memory) override {
        if (!readable_pages) return fail(Errc::permission_denied, "cannot open", "pagemap");
        return real_.has_copied_pages(memory);
    }
    bool stamp_tells_content(const std::string& path) override {
        return told ? *told : real_.stamp_tells_content(path);
    }
    void drop_resident(Bytes memory) noexcept override {
        dropped = true;
        real_.drop_resident(memory);
    }

    int looks = 0;
    bool readable = true;
    bool readable_pages = true;
    // Whether stamps show the content, on any file system of the tests; absent: the real answer.
    std::optional<bool> told = true;
    std::atomic<bool> dropped{false};
    std::function<void(os::FileMapping&)> change;

private:
    os::ProcAddressSpace real_;
};

class MemoryContentTest : public ModelTest {
protected:
    MemoryContentTest() : file_(write("weights.bin", content())) { settle(); }

    static std::string content(std::size_t size = k_size) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 4096);
        return text;
    }
    // Three ranges of the mapping, unordered and with gaps.
    static std::vector<Bytes> ranges_of(const MappedMemory& memory) {
        const auto bytes = memory.bytes();
        return {bytes.subspan(100, k_size - 5000), bytes.last(4000), bytes.first(64)};
    }
    MemoryContent hash(const std::vector<Bytes>& ranges) {
        auto hashed = hash_memory(system(), space_, memory_, ranges);
        EXPECT_TRUE(hashed) << hashed.error().message();
        if (!hashed) return {};
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            EXPECT_EQ(hashed->digests.at(i), hash_chunked(ranges[i])) << "range " << i;
        }
        return std::move(*hashed);
    }
    // Expects that no digest of the mapping is remembered.
    void expect_always_hashed(const MappedMemory& mapped) {
        const auto known = memory_.size();
        for (int i = 0; i < 2; ++i) {
            const auto ranges = ranges_of(mapped);
            EXPECT_EQ(hash(ranges).hashed_bytes, k_size - 5000 + 4000 + 64);
        }
        EXPECT_EQ(memory_.size(), known);
    }
    // An edit that a program hides as far as possible.
    void change_a_byte_and_restore_the_time() const {
        const auto time = std::filesystem::last_write_time(file_);
        support::flip_byte(file_, k_size / 2);
        std::filesystem::last_write_time(file_, time);
    }

    // From now on, writable mappings of this process count as mappings of other processes.
    void hide_writers() {
        space_.change = [](os::FileMapping& mapping) { mapping.access = os::Access::read_only; };
    }

    ToldAddressSpace space_;
    std::string file_;
};

TEST_F(MemoryContentTest, AnUnchangedFileIsHashedOnce) {
    std::vector<Digest> digests;
    {
        const MappedMemory mapped(file_);
        const auto first = hash(ranges_of(mapped));
        EXPECT_GT(first.hashed_bytes, k_size - 5000);
        ASSERT_EQ(first.files.size(), 1U);
        EXPECT_TRUE(first.files.front().settled);
        digests = first.digests;
    }
    // Mapped again, like in the next process.
    const MappedMemory mapped(file_);
    const auto second = hash(ranges_of(mapped));
    EXPECT_EQ(second.hashed_bytes, 0U);
    EXPECT_EQ(second.digests, digests);
    EXPECT_EQ(second.files.size(), 1U);
}

TEST_F(MemoryContentTest, TheHeapGivesTheSameDigests) {
    const MappedMemory mapped(file_);
    const std::vector<std::byte> copy(mapped.bytes().begin(), mapped.bytes().end());
    const auto in_file = hash({mapped.bytes()});
    const auto on_heap = hash({Bytes(copy)});
    EXPECT_EQ(on_heap.digests, in_file.digests);
    EXPECT_EQ(on_heap.hashed_bytes, k_size);
    EXPECT_TRUE(on_heap.files.empty());
}

TEST_F(MemoryContentTest, APageBoundaryIsNoObstacle) {
    const MappedMemory whole(file_);
    const MappedMemory end(file_, MAP_SHARED, PROT_READ, 4096);
    const auto first = hash({whole.bytes().subspan(5000)});
    const auto second = hash({end.bytes().subspan(5000 - 4096)});
    EXPECT_EQ(first.digests, second.digests);
    EXPECT_EQ(second.hashed_bytes, 0U) << "it is the same part of the file";
}

TEST_F(MemoryContentTest, WhatTheProgramReplacedIsHashed) {
    const MappedMemory mapped(file_);
    const std::vector<std::byte> own(1000, std::byte{7});
    auto ranges = ranges_of(mapped);
    (void)hash(ranges);
    ranges.insert(ranges.begin() + 1, Bytes(own));
    EXPECT_EQ(hash(ranges).hashed_bytes, own.size());
    ranges.erase(ranges.begin());
    EXPECT_EQ(hash(ranges).hashed_bytes, 0U + own.size() + 4000 + 64) << "no list of these ranges";
}

TEST_F(MemoryContentTest, TheSameMemoryIsHashedOnce) {
    const MappedMemory mapped(file_);
    const std::vector<std::byte> own(2000, std::byte{7});
    const auto hashed = hash({mapped.bytes(), own, mapped.bytes(), own, Bytes{}, Bytes{}});
    EXPECT_EQ(hashed.hashed_bytes, k_size + own.size());
}

TEST_F(MemoryContentTest, SmallMemoryIsHashedWithoutALookAround) {
    const MappedMemory mapped(file_);
    const auto hashed = hash({mapped.bytes().first(std::size_t{1} << 20)});
    EXPECT_EQ(hashed.hashed_bytes, std::uint64_t{1} << 20);
    EXPECT_EQ(space_.looks, 0);
    EXPECT_EQ(memory_.size(), 0U);
}

TEST_F(MemoryContentTest, AnEditIsSeenThoughItHides) {
    const MappedMemory mapped(file_);
    const auto before = hash({mapped.bytes()});
    change_a_byte_and_restore_the_time();
    settle();
    const auto after = hash({mapped.bytes()});
    EXPECT_EQ(after.hashed_bytes, k_size);
    EXPECT_NE(after.digests, before.digests);
}

TEST_F(MemoryContentTest, AReplacedFileIsHashedFromMemory) {
    const MappedMemory mapped(file_);
    (void)hash(ranges_of(mapped));
    const auto fresh = write("fresh.bin", std::string(k_size, 'z'));
    std::filesystem::rename(fresh, file_);
    settle();
    expect_always_hashed(mapped);
}

TEST_F(MemoryContentTest, ADeletedFileIsHashedFromMemory) {
    const MappedMemory mapped(file_);
    (void)hash(ranges_of(mapped));
    std::filesystem::remove(file_);
    expect_always_hashed(mapped);
}

TEST_F(MemoryContentTest, APrivateMappingIsTheFileUntilItIsWrittenTo) {
    MappedMemory mapped(file_, MAP_PRIVATE);
    (void)hash(ranges_of(mapped));
    EXPECT_EQ(hash(ranges_of(mapped)).hashed_bytes, 0U);
    mapped.write(k_size / 2, std::byte{0xab});
    expect_always_hashed(mapped);
    EXPECT_EQ(mapped.bytes()[k_size / 2], std::byte{0xab}) << "it was not dropped";
}

TEST_F(MemoryContentTest, APrivateMappingIsNotTrustedBlindly) {
    const MappedMemory mapped(file_, MAP_PRIVATE);
    (void)hash(ranges_of(mapped));
    space_.readable_pages = false;
    expect_always_hashed(mapped);
}

TEST_F(MemoryContentTest, WhatMayBeWrittenToIsHashed) {
    const MappedMemory shared(file_, MAP_SHARED, PROT_READ | PROT_WRITE);
    expect_always_hashed(shared);
    const MappedMemory copied(file_, MAP_PRIVATE, PROT_READ | PROT_WRITE);
    expect_always_hashed(copied);
}

// The kernel does not update a file's times with every write to a mapping.
TEST_F(MemoryContentTest, AFileThatTheProgramMapsForWritingIsHashed) {
    const MappedMemory mapped(file_);
    (void)hash(ranges_of(mapped));
    const MappedMemory writer(file_, MAP_SHARED, PROT_READ | PROT_WRITE);
    expect_always_hashed(mapped);
}

TEST_F(MemoryContentTest, WithoutMapsEverythingIsHashed) {
    const MappedMemory mapped(file_);
    (void)hash(ranges_of(mapped));
    space_.readable = false;
    expect_always_hashed(mapped);
}

// Like overlayfs and btrfs.
TEST_F(MemoryContentTest, WhereDevicesDisagreeEverythingIsHashed) {
    space_.change = [](os::FileMapping& mapping) { ++mapping.device; };
    const MappedMemory mapped(file_);
    expect_always_hashed(mapped);
    EXPECT_TRUE(space_.dropped) << "a shared mapping's pages do not stay all the same";
}

TEST_F(MemoryContentTest, WhereAFileCanBecomeAnotherEverythingIsHashed) {
    const MappedMemory mapped(file_);
    (void)hash(ranges_of(mapped));
    space_.told = false;
    expect_always_hashed(mapped);
}

// It is unknown whether the memory is the file's content, so it is treated as such.
TEST_F(MemoryContentTest, AnUnprovenFileMayNotChangeMeanwhileEither) {
    space_.told = false;
    const MappedMemory mapped(file_);
    const auto hashed = hash(ranges_of(mapped));
    ASSERT_EQ(hashed.files.size(), 1U);
    EXPECT_TRUE(hashed.files.front().settled);
    EXPECT_TRUE(confirm_unchanged(system().fs, hashed.files));
    change_a_byte_and_restore_the_time();
    EXPECT_FALSE(confirm_unchanged(system().fs, hashed.files));
}

TEST_F(MemoryContentTest, AStoreToAFileInMemoryIsSeen) {
    space_.told.reset();
    fs_.locality.reset();
    if (fs_.space(file_)->locality != os::Locality::memory) {
        LARDER_UNABLE() << "no file system in memory";
    }
    MappedMemory writer(file_, MAP_SHARED, PROT_READ | PROT_WRITE);
    writer.touch();
    hide_writers();
    const MappedMemory mapped(file_);
    const auto before = hash({mapped.bytes()});
    ASSERT_EQ(before.files.size(), 1U);
    EXPECT_FALSE(before.files.front().settled) << "it is to be hashed again";
    writer.store(k_size / 2, std::byte{0xab});
    const auto after = hash({mapped.bytes()});
    EXPECT_NE(after.digests, before.digests);
    EXPECT_EQ(memory_.size(), 0U);
}

// The written page is not yet on the disk: the store alone would update no time.
TEST_F(MemoryContentTest, AStoreToAPageThatWasNotYetOnDiskIsSeen) {
    const support::TemporaryDirectory on_disk;
    file_ = on_disk / "weights.bin";
    support::write_file(file_, content());
    space_.told.reset();
    if (!space_.stamp_tells_content(file_)) LARDER_UNABLE() << "no simple file system on a disk";
    MappedMemory writer(file_, MAP_SHARED, PROT_READ | PROT_WRITE);
    writer.store(k_size / 2, std::byte{1});
    hide_writers();
    settle();
    const MappedMemory mapped(file_);
    const auto before = hash({mapped.bytes()});
    EXPECT_EQ(memory_.size(), 1U);
    wait_for_tick(file_);
    writer.store(k_size / 2, std::byte{2});
    EXPECT_FALSE(confirm_unchanged(system().fs, before.files));
    settle();
    EXPECT_NE(hash({mapped.bytes()}).digests, before.digests);
}

TEST_F(MemoryContentTest, AFileIsSyncedOnceAndOnlyToBeRemembered) {
    const MappedMemory mapped(file_);
    unsettle();
    (void)hash(ranges_of(mapped));
    EXPECT_EQ(fs_.syncs, 0);
    settle();
    (void)hash(ranges_of(mapped));
    EXPECT_EQ(fs_.syncs, 1);
    EXPECT_EQ(hash(ranges_of(mapped)).hashed_bytes, 0U);
    EXPECT_EQ(fs_.syncs, 1);
}

TEST_F(MemoryContentTest, AFileThatCannotBeSyncedIsNotRemembered) {
    const MappedMemory mapped(file_);
    fs_.refuse = [](const support::Call& call) -> std::optional<Error> {
        if (call.operation != support::Operation::sync) return {};
        return Error::from_errno("cannot sync", call.path, EIO);
    };
    expect_always_hashed(mapped);
    EXPECT_FALSE(hash(ranges_of(mapped)).files.front().settled);
}

// A mapping of a file in a container's image keeps the old content, although the path then names
// another file with the same numbers.
TEST_F(MemoryContentTest, AFileThatIsCopiedUpIsHashedFromMemory) {
    for (const auto* const name : {"lower", "upper", "work", "where"}) {
        std::filesystem::create_directory(path(name));
    }
    std::filesystem::rename(file_, path("lower/weights.bin"));
    const auto mount =
        support::Mount::overlay(path("where"), path("lower"), path("upper"), path("work"));
    if (!mount) LARDER_UNABLE() << "no overlay file system can be mounted";
    file_ = path("where/weights.bin");
    const MappedMemory mapped(file_);
    space_.told.reset();
    (void)hash(ranges_of(mapped));
    support::flip_byte(file_, k_size / 2);
    settle();
    expect_always_hashed(mapped);
}

TEST_F(MemoryContentTest, AFreshFileIsNotRemembered) {
    unsettle();
    const MappedMemory mapped(file_);
    expect_always_hashed(mapped);
    EXPECT_FALSE(hash(ranges_of(mapped)).files.front().settled);
}

TEST_F(MemoryContentTest, AFileThatChangesMeanwhileIsNotRemembered) {
    const MappedMemory mapped(file_);
    fs_.on_call = [this](const support::Call& call) {
        if (call.operation == support::Operation::map) change_a_byte_and_restore_the_time();
    };
    const auto hashed = hash({mapped.bytes()});
    fs_.on_call = {};
    EXPECT_EQ(memory_.size(), 0U);
    const auto same = confirm_unchanged(system().fs, hashed.files);
    ASSERT_FALSE(same);
    EXPECT_EQ(same.error().code, Errc::busy);
}

TEST_F(MemoryContentTest, AFileThatBecameShorterIsAnError) {
    const MappedMemory mapped(file_);
    std::filesystem::resize_file(file_, k_size / 2);
    const std::vector<Bytes> ranges{mapped.bytes()};
    const auto hashed = hash_memory(system(), space_, memory_, ranges);
    ASSERT_FALSE(hashed);
    EXPECT_EQ(hashed.error().code, Errc::busy);
}

TEST_F(MemoryContentTest, AFileThatCannotBeOpenedOrMappedIsHashedInPlace) {
    const MappedMemory mapped(file_);
    for (const auto refused : {support::Operation::open, support::Operation::map}) {
        fs_.refuse = [refused](const support::Call& call) -> std::optional<Error> {
            if (call.operation != refused) return {};
            return Error{Errc::permission_denied, EACCES, "refused", call.path, {}};
        };
        EXPECT_GT(hash(ranges_of(mapped)).hashed_bytes, 0U);
    }
}

TEST_F(MemoryContentTest, AMemoryThatIsSpoiltIsNotBelieved) {
    const MappedMemory mapped(file_);
    (void)hash(ranges_of(mapped));
    for (const auto* const text : {"", "x"}) {
        memory_.spoil_derived(text);
        EXPECT_GT(hash(ranges_of(mapped)).hashed_bytes, 0U);
        EXPECT_EQ(hash(ranges_of(mapped)).hashed_bytes, 0U);
    }
    memory_.spoil_derived(std::string(3 * 64, 'g'));
    EXPECT_GT(hash(ranges_of(mapped)).hashed_bytes, 0U);
}

TEST_F(MemoryContentTest, ConfirmTellsWhatHappenedToAFile) {
    const MappedMemory mapped(file_);
    const auto hashed = hash(ranges_of(mapped));
    EXPECT_TRUE(confirm_unchanged(system().fs, hashed.files));
    change_a_byte_and_restore_the_time();
    EXPECT_FALSE(confirm_unchanged(system().fs, hashed.files));
    std::filesystem::remove(file_);
    EXPECT_FALSE(confirm_unchanged(system().fs, hashed.files));
}

// In place or through a mapping of its own.
TEST_F(MemoryContentTest, HashingLeavesNoPagesBehind) {
    constexpr std::size_t k_large = std::size_t{32} << 20;
    const auto large = write("large.bin", std::string(k_large, 'q'));
    settle();
    const MappedMemory mapped(large);
    for (const bool disagree : {true, false}) {
        space_.change = [disagree](os::FileMapping& mapping) { mapping.device += disagree; };
        const auto before = os::read_memory_info().file_rss_bytes;
        const std::vector<Bytes> ranges{mapped.bytes()};
        const auto hashed = hash_memory(system(), space_, memory_, ranges);
        EXPECT_EQ(hashed.value().hashed_bytes, k_large);
        EXPECT_LT(os::read_memory_info().file_rss_bytes, before + k_large / 4);
    }
}

TEST_F(MemoryContentTest, PagesThatTheProgramReadStayWithIt) {
    constexpr std::size_t k_large = std::size_t{32} << 20;
    const auto large = write("large.bin", std::string(k_large, 'q'));
    settle();
    const MappedMemory mapped(large);
    mapped.touch();
    const auto before = os::read_memory_info().file_rss_bytes;
    const std::vector<Bytes> ranges{mapped.bytes()};
    EXPECT_TRUE(hash_memory(system(), space_, memory_, ranges));
    EXPECT_GT(os::read_memory_info().file_rss_bytes + k_large / 4, before);
}

}  // namespace
}  // namespace larder::internal::model
