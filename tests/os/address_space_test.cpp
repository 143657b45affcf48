// os/address_space.h.
#include "os/address_space.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "os/system.h"
#include "support/mapped_memory.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

using support::MappedMemory;

constexpr std::size_t k_page = 4096;
constexpr std::size_t k_pages = 64;

class AddressSpaceTest : public ::testing::Test {
protected:
    AddressSpaceTest() { support::write_file(file_, std::string(k_pages * k_page, 'x')); }

    std::optional<FileMapping> mapping_at(const std::byte* address) {
        const auto mappings = space_.file_mappings();
        EXPECT_TRUE(mappings);
        for (const auto& mapping : *mappings) {
            const auto* const end = mapping.memory.data() + mapping.memory.size();
            if (mapping.memory.data() <= address && address < end) return mapping;
        }
        return {};
    }

    support::TemporaryDirectory directory_;
    std::string file_ = directory_ / "file";
    ProcAddressSpace space_;
};

TEST_F(AddressSpaceTest, TellsWhichFileLiesWhere) {
    const MappedMemory memory(file_, MAP_SHARED, PROT_READ, 2 * k_page);
    const auto mapping = mapping_at(memory.bytes().data());
    ASSERT_TRUE(mapping);
    const RealSystem real;
    const auto info = real.system().fs.info(file_);
    EXPECT_EQ(mapping->memory.data(), memory.bytes().data());
    EXPECT_EQ(mapping->memory.size(), memory.bytes().size());
    EXPECT_EQ(mapping->offset, 2 * k_page);
    EXPECT_EQ(mapping->device, info->stamp.device);
    EXPECT_EQ(mapping->inode, info->stamp.inode);
    EXPECT_EQ(std::filesystem::path(mapping->path), std::filesystem::canonical(file_));
    EXPECT_EQ(mapping->access, Access::read_only);
    EXPECT_EQ(mapping->sharing, Sharing::shared);
}

TEST_F(AddressSpaceTest, TellsWhatMayBeWrittenTo) {
    const MappedMemory shared(file_, MAP_SHARED, PROT_READ | PROT_WRITE);
    EXPECT_EQ(mapping_at(shared.bytes().data())->access, Access::other);
    const MappedMemory copied(file_, MAP_PRIVATE, PROT_READ | PROT_WRITE);
    EXPECT_EQ(mapping_at(copied.bytes().data())->access, Access::other);
    EXPECT_EQ(mapping_at(copied.bytes().data())->sharing, Sharing::copied_on_write);
}

TEST_F(AddressSpaceTest, MemoryWithoutAFileIsNotTold) {
    const auto heap = std::make_unique<std::byte[]>(1U << 24U);
    EXPECT_FALSE(mapping_at(heap.get() + (1U << 23U)));
}

// An advice for a part of a mapping splits it into two.
TEST_F(AddressSpaceTest, NeighboursThatContinueEachOtherAreOne) {
    const MappedMemory memory(file_);
    auto* const half = const_cast<std::byte*>(memory.bytes().data()) + k_pages / 2 * k_page;
    ASSERT_EQ(::madvise(half, k_page, MADV_RANDOM), 0);
    EXPECT_EQ(mapping_at(half)->memory.size(), memory.bytes().size());
    ASSERT_EQ(::mprotect(half, k_page, PROT_NONE), 0);
    EXPECT_EQ(mapping_at(half)->memory.size(), k_page);
    EXPECT_EQ(mapping_at(half + k_page)->offset, (k_pages / 2 + 1) * k_page);
}

TEST_F(AddressSpaceTest, APageIsCopiedOnceItIsWrittenTo) {
    MappedMemory memory(file_, MAP_PRIVATE);
    EXPECT_FALSE(space_.has_copied_pages(memory.bytes()).value());
    memory.touch();
    EXPECT_FALSE(space_.has_copied_pages(memory.bytes()).value());
    memory.write(5 * k_page, std::byte{'x'});
    EXPECT_TRUE(space_.has_copied_pages(memory.bytes()).value());
    EXPECT_TRUE(space_.has_copied_pages(memory.bytes().subspan(5 * k_page + 7, 1)).value());
    EXPECT_FALSE(space_.has_copied_pages(memory.bytes().first(5 * k_page)).value());
    EXPECT_FALSE(space_.has_copied_pages(memory.bytes().subspan(6 * k_page)).value());
}

// Older kernels answer only for single pages, not for a range.
TEST_F(AddressSpaceTest, CopiedPagesAreFoundWithoutTheNewCall) {
    const MappedMemory memory(file_, MAP_PRIVATE);
    const auto first = reinterpret_cast<std::uintptr_t>(memory.bytes().data()) / k_page;
    const auto write_entry = [&](std::size_t page, std::uint64_t entry) {
        std::fstream pagemap(directory_ / "pagemap",
                             std::ios::binary | std::ios::in | std::ios::out);
        pagemap.seekp(static_cast<std::streamoff>((first + page) * sizeof entry));
        pagemap.write(reinterpret_cast<const char*>(&entry), sizeof entry);
        ASSERT_TRUE(pagemap.flush());
    };
    constexpr std::uint64_t k_of_a_file = std::uint64_t{5} << 61U;
    constexpr std::uint64_t k_copied = std::uint64_t{1} << 63U;
    constexpr std::uint64_t k_copied_and_swapped = std::uint64_t{1} << 62U;
    support::write_file(directory_ / "pagemap", "");
    ProcAddressSpace old(directory_.path().string());
    EXPECT_FALSE(old.has_copied_pages(memory.bytes())) << "it ends early";
    write_entry(k_pages - 1, k_of_a_file);
    EXPECT_FALSE(old.has_copied_pages(memory.bytes()).value());
    write_entry(k_pages - 1, k_copied);
    EXPECT_TRUE(old.has_copied_pages(memory.bytes()).value());
    write_entry(k_pages - 1, k_copied_and_swapped);
    EXPECT_TRUE(old.has_copied_pages(memory.bytes()).value());
    EXPECT_FALSE(old.has_copied_pages(memory.bytes().first(k_page)).value());
}

TEST_F(AddressSpaceTest, WithoutProcNothingIsTold) {
    const MappedMemory memory(file_, MAP_PRIVATE);
    ProcAddressSpace blind(directory_ / "none");
    EXPECT_FALSE(blind.file_mappings());
    EXPECT_FALSE(blind.has_copied_pages(memory.bytes()));
}

TEST_F(AddressSpaceTest, LinesThatCannotBeReadArePassedOver) {
    support::write_file(directory_ / "maps",
                        "\nnonsense\n1000-2000 r--s 0 fe:00\n3000-2000 r--s 0 fe:00 7 /x\n"
                        "5000-6000 r--s 00001000 fe:00 7   /a file (deleted)\n");
    ProcAddressSpace space(directory_.path().string());
    const auto mappings = space.file_mappings();
    ASSERT_TRUE(mappings);
    ASSERT_EQ(mappings->size(), 1U);
    EXPECT_EQ(mappings->front().path, "/a file (deleted)");
    EXPECT_EQ(mappings->front().inode, 7U);
}

TEST_F(AddressSpaceTest, DroppedPagesAreNotResident) {
    constexpr std::uint64_t k_bytes = std::uint64_t{32} << 20;
    support::write_file(file_, std::string(k_bytes, 'y'));
    const MappedMemory memory(file_);
    const auto before = read_memory_info().file_rss_bytes;
    memory.touch();
    EXPECT_GT(read_memory_info().file_rss_bytes, before + k_bytes / 2);
    space_.drop_resident(memory.bytes().subspan(1, k_bytes - 2));
    EXPECT_LT(read_memory_info().file_rss_bytes, before + k_bytes / 2);
    EXPECT_EQ(memory.bytes()[k_bytes / 2], std::byte{'y'});
}

}  // namespace
}  // namespace larder::internal::os
