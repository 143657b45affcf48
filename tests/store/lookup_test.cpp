// store/entries/lookup.h: finds the entry of a key, in the same number of calls for every size of
// the larder.
#include "store/entries/lookup.h"

#include <functional>

#include "format/sealed_json.h"
#include "harness.h"

namespace larder::internal::store {
namespace {

class LookupTest : public LarderTest {
protected:
    Errc fault_of(const std::string& name) {
        const auto found = store_->find(key_of(name));
        EXPECT_FALSE(found.manifest);
        EXPECT_TRUE(found.fault) << "a miss without a word";
        return found.fault ? found.fault->code : Errc::io;
    }
    void reseal(const Key& key, const std::function<void(format::Json&)>& change) {
        auto body = format::unseal_json(support::read_file(path_of(key)), 1'000'000);
        change(*body);
        support::write_file(path_of(key), format::seal_json(*body));
    }
};

TEST_F(LookupTest, ADamagedEntryGoesToQuarantineOnce) {
    ASSERT_TRUE(publish(blob("x")));
    support::flip_byte(path_of(key_of("x")), 100);
    EXPECT_EQ(fault_of("x"), Errc::damaged);
    EXPECT_TRUE(quarantine().starts_with(key_of("x").hex() + ".json."));
    const auto found = store_->find(key_of("x"));
    EXPECT_FALSE(found.manifest || found.fault) << "by now it is absent";
    ASSERT_TRUE(publish(blob("x")));
    EXPECT_TRUE(store_->find(key_of("x")).manifest);
}

TEST_F(LookupTest, ATruncatedOrEmptyEntryIsDamaged) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300}}) {
        ASSERT_TRUE(publish(blob("x")));
        std::filesystem::resize_file(path_of(key_of("x")), size);
        EXPECT_EQ(fault_of("x"), Errc::damaged);
    }
}

TEST_F(LookupTest, AnEntryOfAnotherKeyIsDamaged) {
    ASSERT_TRUE(publish(blob("x")));
    ASSERT_TRUE(publish(blob("y")));
    std::filesystem::copy_file(path_of(key_of("x")), path_of(key_of("y")),
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(fault_of("y"), Errc::damaged);
    EXPECT_TRUE(store_->find(key_of("x")).manifest);
}

TEST_F(LookupTest, ANewerEntryIsLeftAlone) {
    for (const auto* const member : {"format", "encoding"}) {
        ASSERT_TRUE(publish(blob("x")));
        reseal(key_of("x"), [&](format::Json& body) {
            if (member == std::string("format")) {
                body[member] = 2;
            } else {
                body[member] = "delta";
            }
        });
        const auto before = tree();
        EXPECT_EQ(fault_of("x"), Errc::unsupported) << member;
        EXPECT_EQ(tree(), before);
    }
}

TEST_F(LookupTest, AnEntryThatIsNoFileIsAFault) {
    ASSERT_TRUE(publish(blob("x")));
    std::filesystem::remove(path_of(key_of("x")));
    std::filesystem::create_directory(path_of(key_of("x")));
    EXPECT_EQ(fault_of("x"), Errc::damaged);
    ASSERT_TRUE(publish(blob("x"))) << "it is in quarantine by now";
}

}  // namespace
}  // namespace larder::internal::store
