// Store::read_ahead: objects are brought into memory, and nothing else happens to them.
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
    Result<AheadRead> read(Reading how, std::uint64_t bytes_max = k_all) {
        return store_->read_ahead(object_, {bytes_max, how}, [] { return Continue::yes; });
    }
    // An object is settled, and its reading worth remembering, a moment after it was written.
    void age() { machine_.system().clock.sleep(std::chrono::milliseconds(50)); }

    Digest object_;
    std::uint64_t size_ = 0;
    std::string before_;
};

TEST_F(ReadAheadTest, ReadsAllOfItAndLeavesNoTrace) {
    const auto plain = read(Reading::plain);
    ASSERT_TRUE(plain) << plain.error().message();
    EXPECT_EQ(plain->bytes, size_);
    EXPECT_TRUE(plain->complete);
    EXPECT_FALSE(plain->verified);
    EXPECT_EQ(tree(), before_);
}

TEST_F(ReadAheadTest, VerifiesWhatIsWhole) {
    age();
    const auto read_now = read(Reading::verifying);
    ASSERT_TRUE(read_now && read_now->verified);
    const auto info = machine_.system().fs.info(path_of(object_));
    ASSERT_TRUE(info);
    EXPECT_EQ(*read_now->verified, info->stamp);
    EXPECT_FALSE(machine_.memory().contains(info->stamp, object_)) << "that is the caller's";
}

TEST_F(ReadAheadTest, WhatIsDamagedIsLeftForWhoeverOpensIt) {
    support::flip_byte(path_of(object_), 7);
    age();
    const auto read_now = read(Reading::verifying);
    ASSERT_TRUE(read_now);
    EXPECT_FALSE(read_now->verified);
    EXPECT_EQ(tree(), before_);
    EXPECT_EQ(machine_.logged(), "");
}

TEST_F(ReadAheadTest, GoesNoFurtherThanAllowed) {
    age();
    const auto some = read(Reading::verifying, k_chunk_size_bytes + 1);
    ASSERT_TRUE(some);
    EXPECT_EQ(some->bytes, k_chunk_size_bytes + 1);
    EXPECT_FALSE(some->verified) << "what was not read is not known";
    const auto none = read(Reading::verifying, 0);
    ASSERT_TRUE(none);
    EXPECT_EQ(none->bytes, 0U);
    EXPECT_FALSE(none->verified);
}

TEST_F(ReadAheadTest, EndsWhereItIsTold) {
    int steps = 0;
    const auto step = [&] { return ++steps <= 2 ? Continue::yes : Continue::no; };
    const auto some = store_->read_ahead(object_, {k_all, Reading::verifying}, step);
    ASSERT_TRUE(some);
    EXPECT_EQ(some->bytes, 2 * k_chunk_size_bytes);
    EXPECT_FALSE(some->complete);
    EXPECT_FALSE(some->verified);
}

TEST_F(ReadAheadTest, WhatIsGoneOrShortenedIsAnError) {
    const auto half = [&] {
        stdfs::permissions(path_of(object_), stdfs::perms::owner_write, stdfs::perm_options::add);
        stdfs::resize_file(path_of(object_), k_chunk_size_bytes);
        return Continue::yes;
    };
    const auto shortened = store_->read_ahead(object_, {k_all, Reading::plain}, half);
    ASSERT_FALSE(shortened);
    EXPECT_EQ(shortened.error().code, Errc::damaged);
    stdfs::remove(path_of(object_));
    const auto gone = read(Reading::plain);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Errc::not_found);
}

TEST_F(ReadAheadTest, WhatIsRemovedMeanwhileIsReadToItsEnd) {
    const auto remove = [&] {
        static_cast<void>(store_->remove(std::vector{key_of("a")}));
        return Continue::yes;
    };
    const auto all = store_->read_ahead(object_, {k_all, Reading::verifying}, remove);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->bytes, size_);
}

TEST_F(ReadAheadTest, AnyCallMayFail) {
    support::FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    const auto store = machine.must_open(larder());
    for (const auto operation :
         {Operation::open, Operation::file_info, Operation::map, Operation::read}) {
        faulty.fail_all(operation, EIO);
        const auto failed =
            store->read_ahead(object_, {k_all, Reading::verifying}, [] { return Continue::yes; });
        EXPECT_FALSE(failed) << to_string(operation);
        EXPECT_GT(faulty.faults(), 0U) << to_string(operation);
    }
    faulty.heal();
    EXPECT_EQ(tree(), before_);
    EXPECT_EQ(machine.logged(), "");
}

}  // namespace
}  // namespace larder::internal::store
