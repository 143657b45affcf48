// A mapping made of pieces of files: FileSystem::map_pieces and os/composition.h.
#include "os/composition.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/address_space.h"
#include "os/page_size.h"
#include "os/system.h"
#include "support/fault_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;

std::string random_text(std::size_t size_bytes, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::string text(size_bytes, '\0');
    for (std::size_t i = 0; i < size_bytes; i += 16) text[i] = static_cast<char>(random());
    return text;
}

class CompositionTest : public ::testing::Test {
protected:
    std::unique_ptr<File> file(const std::string& name, const std::string& text) {
        support::write_file(directory_ / name, text);
        auto opened = fs_->open(directory_ / name, OpenMode::read);
        EXPECT_TRUE(opened);
        return opened ? std::move(*opened) : nullptr;
    }
    static std::string text_of(const Mapping& mapping) {
        const auto bytes = mapping.bytes();
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    support::TemporaryDirectory directory_;
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
    std::string a_ = random_text(3 * k_mib + 777, 1);
    std::string b_ = random_text(k_mib, 2);
};

TEST_F(CompositionTest, IsThePiecesOneAfterTheOther) {
    const auto a = file("a", a_);
    const auto b = file("b", b_);
    for (const std::uint64_t start : {0U, 64U, 4032U}) {
        // With equal and different positions within a page, whole pages and less, up to the end of
        // a file.
        const std::vector<MapPiece> pieces{{a.get(), start, k_mib},
                                           {b.get(), 5, 7},
                                           {a.get(), start + k_mib + 7, k_mib + 1},
                                           {b.get(), 4096, k_mib - 4096},
                                           {a.get(), a_.size() - 777, 777}};
        const auto mapping = fs_->map_pieces(pieces, start);
        ASSERT_TRUE(mapping) << mapping.error().message();
        const auto expected = a_.substr(start, k_mib) + b_.substr(5, 7) +
                              a_.substr(start + k_mib + 7, k_mib + 1) + b_.substr(4096) +
                              a_.substr(a_.size() - 777);
        EXPECT_TRUE(text_of(**mapping) == expected);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*mapping)->bytes().data()) % page_bytes(),
                  start);
        (*mapping)->drop_resident();
        EXPECT_TRUE(text_of(**mapping) == expected) << "what was copied stays";
        EXPECT_TRUE((*mapping)->is_cached(0, expected.size()));
    }
}

// A caller that asks which file backs the beginning must not take that file for the whole.
TEST_F(CompositionTest, NoFileLiesBehindTheFirstPage) {
    const auto a = file("a", a_);
    const auto b = file("b", b_);
    for (const std::uint64_t start : {0U, 64U, 4032U}) {
        const std::vector<MapPiece> pieces{{a.get(), start, k_mib}, {b.get(), 0, k_mib}};
        const auto mapping = fs_->map_pieces(pieces, start);
        ASSERT_TRUE(mapping) << mapping.error().message();
        const auto* const first = (*mapping)->bytes().data();
        const auto* const second = first - start + page_bytes();
        std::size_t behind_first = 0;
        std::size_t behind_second = 0;
        const auto file_mappings = ProcAddressSpace().file_mappings();
        ASSERT_TRUE(file_mappings);
        for (const auto& one : *file_mappings) {
            const auto holds = [&](const std::byte* at) {
                return at >= one.memory.data() && at < one.memory.data() + one.memory.size();
            };
            if (holds(first)) ++behind_first;
            if (holds(second)) ++behind_second;
        }
        EXPECT_EQ(behind_first, 0U);
        EXPECT_EQ(behind_second, 1U);
    }
}

TEST_F(CompositionTest, NothingIsAnEmptyMapping) {
    const auto mapping = fs_->map_pieces({}, 0);
    ASSERT_TRUE(mapping);
    EXPECT_TRUE((*mapping)->bytes().empty());
}

TEST_F(CompositionTest, WholePagesAreMappedWhereTheyLieAlike) {
    const auto page = page_bytes();
    EXPECT_EQ(mapped_part(0, 0, k_mib).size_bytes(), k_mib);
    EXPECT_EQ(mapped_part(0, page, k_mib + 5).size_bytes(), k_mib);
    EXPECT_EQ(mapped_part(64, page + 64, k_mib).begin, page - 64);
    EXPECT_EQ(mapped_part(64, page + 64, k_mib).end, k_mib - 64);
    EXPECT_EQ(mapped_part(64, page, k_mib).size_bytes(), 0U) << "of another place in their pages";
    EXPECT_EQ(mapped_part(0, 0, k_mapped_bytes_min - page).size_bytes(), 0U) << "too little";
    EXPECT_EQ(mapped_part(1, 1, 10).size_bytes(), 0U);
}

TEST_F(CompositionTest, MappedPagesTakeNoMemoryOfTheProcess) {
    const auto a = file("a", a_);
    const auto before = read_memory_info();
    const std::vector<MapPiece> pieces{{a.get(), 0, 3 * k_mib}};
    const auto mapping = fs_->map_pieces(pieces, 0);
    ASSERT_TRUE(mapping);
    EXPECT_TRUE(text_of(**mapping) == a_.substr(0, 3 * k_mib));
    const auto resident = read_memory_info().file_rss_bytes;
    (*mapping)->drop_resident();
    EXPECT_GE(resident, before.file_rss_bytes + 3 * k_mib - page_bytes());
    EXPECT_LT(read_memory_info().file_rss_bytes, before.file_rss_bytes + k_mib);
}

TEST_F(CompositionTest, AFileThatIsTooShortIsDamaged) {
    const auto b = file("b", b_);
    for (const std::uint64_t offset : {std::uint64_t{4096}, std::uint64_t{4097}}) {
        const std::vector<MapPiece> pieces{{b.get(), offset, k_mib}};
        const auto mapping = fs_->map_pieces(pieces, 0);
        ASSERT_FALSE(mapping);
        EXPECT_EQ(mapping.error().code, Errc::damaged);
    }
    const std::vector<MapPiece> huge{{b.get(), 0, ~std::uint64_t{0}}};
    EXPECT_FALSE(fs_->map_pieces(huge, 0));
}

TEST_F(CompositionTest, OutlivesItsFiles) {
    auto b = file("b", b_);
    const std::vector<MapPiece> pieces{{b.get(), 0, k_mib}};
    const auto mapping = fs_->map_pieces(pieces, 0);
    ASSERT_TRUE(mapping);
    b.reset();
    ASSERT_TRUE(fs_->remove(directory_ / "b"));
    EXPECT_TRUE(text_of(**mapping) == b_);
}

TEST_F(CompositionTest, EachPieceCanFail) {
    support::FaultFileSystem faulty(*fs_);
    support::write_file(directory_ / "a", a_);
    const auto a = faulty.open(directory_ / "a", OpenMode::read, 0);
    ASSERT_TRUE(a);
    const std::vector<MapPiece> pieces{{a->get(), 0, k_mib}, {a->get(), 1, k_mib}};
    EXPECT_TRUE(faulty.map_pieces(pieces, 0));
    for (const auto operation : {support::Operation::map, support::Operation::read}) {
        faulty.fail_all(operation, EIO);
        EXPECT_EQ(faulty.map_pieces(pieces, 0).error().code, Errc::io);
    }
}

}  // namespace
}  // namespace larder::internal::os
