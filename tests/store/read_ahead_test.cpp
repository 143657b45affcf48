// Store::read_ahead: reads objects into memory, and does not change them.
#include <filesystem>

#include "harness.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;
using support::Operation;

constexpr std::uint64_t k_all = ~std::uint64_t{0};

class ReadAheadTest : public LarderTest {
protected:
    ReadAheadTest() {
        const auto manifest = store_->publish(blob("a", 1, 3 * k_chunk_size_bytes + 5));
        object_ = manifest->parts.front().object;
        size_ = manifest->parts.front().bytes;
        before_ = tree();
    }
    Result<std::uint64_t> read(std::uint64_t bytes_max = k_all) {
        return store_->read_ahead(object_, bytes_max, [] { return Continue::yes; });
    }

    Digest object_;
    std::uint64_t size_ = 0;
    std::string before_;
};

TEST_F(ReadAheadTest, ReadsAllOfItAndLeavesNoTrace) {
    const auto all = read();
    ASSERT_TRUE(all) << all.error().message();
    EXPECT_EQ(*all, size_);
    EXPECT_EQ(tree(), before_);
}

TEST_F(ReadAheadTest, WhatIsDamagedIsLeftForWhoeverOpensIt) {
    support::flip_byte(path_of(object_), 7);
    EXPECT_EQ(read(), size_);
    EXPECT_EQ(tree(), before_);
    EXPECT_EQ(machine_.logged(), "");
}

TEST_F(ReadAheadTest, GoesNoFurtherThanAllowed) {
    EXPECT_EQ(read(k_chunk_size_bytes + 1), k_chunk_size_bytes + 1);
    EXPECT_EQ(read(0), 0U);
}

TEST_F(ReadAheadTest, EndsWhereItIsTold) {
    int steps = 0;
    const auto step = [&] { return ++steps <= 2 ? Continue::yes : Continue::no; };
    EXPECT_EQ(store_->read_ahead(object_, k_all, step), 2 * k_chunk_size_bytes);
}

TEST_F(ReadAheadTest, WhatIsGoneOrShortenedIsAnError) {
    const auto half = [&] {
        stdfs::permissions(path_of(object_), stdfs::perms::owner_write, stdfs::perm_options::add);
        stdfs::resize_file(path_of(object_), k_chunk_size_bytes);
        return Continue::yes;
    };
    const auto shortened = store_->read_ahead(object_, k_all, half);
    ASSERT_FALSE(shortened);
    EXPECT_EQ(shortened.error().code, Errc::damaged);
    stdfs::remove(path_of(object_));
    const auto gone = read();
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Errc::not_found);
}

TEST_F(ReadAheadTest, WhatIsRemovedMeanwhileIsReadToItsEnd) {
    const auto remove = [&] {
        static_cast<void>(store_->remove(std::vector{key_of("a")}));
        return Continue::yes;
    };
    EXPECT_EQ(store_->read_ahead(object_, k_all, remove), size_);
}

TEST_F(ReadAheadTest, AnyCallMayFail) {
    support::FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    const auto store = machine.must_open(larder());
    for (const auto operation :
         {Operation::open, Operation::file_info, Operation::map, Operation::read}) {
        faulty.fail_all(operation, EIO);
        const auto failed = store->read_ahead(object_, k_all, [] { return Continue::yes; });
        EXPECT_FALSE(failed) << to_string(operation);
        EXPECT_GT(faulty.faults(), 0U) << to_string(operation);
    }
    faulty.heal();
    EXPECT_EQ(tree(), before_);
    EXPECT_EQ(machine.logged(), "");
}

}  // namespace
}  // namespace larder::internal::store
