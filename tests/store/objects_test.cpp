// store/objects/objects.h: opening and verifying objects.
#include "store/objects/objects.h"

#include <chrono>
#include <thread>

#include "harness.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

class ObjectTest : public LarderTest {
protected:
    void SetUp() override {
        const auto published = publish(blob("x", 1, 9 << 20));
        ASSERT_TRUE(published);
        manifest_ = *published;
        object_ = path_of(manifest_.parts[0].object);
    }
    Result<MappedObject> open(Verify policy) {
        return store_->open_object(manifest_.key, manifest_.parts[0], policy);
    }
    Error error_of(Verify policy) {
        auto object = open(policy);
        EXPECT_FALSE(object);
        return object ? Error{} : object.error();
    }

    Manifest manifest_;
    std::string object_;
};

TEST_F(ObjectTest, IsVerifiedOnceForEachFileOrEachTimeOrNever) {
    // A file that was written just now is not remembered: it could change unseen.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(open(Verify::never)->proof, Proof::none);
    EXPECT_EQ(open(Verify::once)->proof, Proof::read);
    EXPECT_EQ(open(Verify::once)->proof, Proof::remembered);
    EXPECT_EQ(open(Verify::always)->proof, Proof::read);
    machine_.memory().clear();
    EXPECT_EQ(open(Verify::once)->proof, Proof::read);
    support::flip_byte(object_, 5);
    EXPECT_EQ(error_of(Verify::once).code, Errc::damaged) << "its ctime tells";
}

TEST_F(ObjectTest, WrittenJustNowIsNotRemembered) {
    ASSERT_TRUE(publish(blob("y", 1, k_small_object_bytes)));
    const auto manifest = *store_->find(key_of("y")).manifest;
    const auto again = [&] {
        return store_->open_object(manifest.key, manifest.parts[0], Verify::once)->proof;
    };
    EXPECT_EQ(again(), Proof::read);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(again(), Proof::read);
    EXPECT_EQ(again(), Proof::remembered);
}

TEST_F(ObjectTest, ThatIsSmallIsVerifiedEachTime) {
    ASSERT_TRUE(publish(blob("y", 1, k_small_object_bytes - 1)));
    const auto manifest = *store_->find(key_of("y")).manifest;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (const auto policy : {Verify::never, Verify::once, Verify::once, Verify::always}) {
        EXPECT_EQ(store_->open_object(manifest.key, manifest.parts[0], policy)->proof, Proof::read);
    }
    support::flip_byte(path_of(manifest.parts[0].object), 5);
    EXPECT_EQ(store_->open_object(manifest.key, manifest.parts[0], Verify::never).error().code,
              Errc::damaged);
}

TEST_F(ObjectTest, DamagedGoesToQuarantineWithItsEntryAndSaysWhere) {
    support::flip_byte(object_, (4 << 20) + 17);
    const auto error = error_of(Verify::always);
    EXPECT_EQ(error.code, Errc::damaged);
    EXPECT_NE(error.message().find("chunk 1 of 3"), std::string::npos) << error.message();
    const auto found = store_->find(manifest_.key);
    EXPECT_FALSE(found.manifest || found.fault);
    EXPECT_FALSE(std::filesystem::exists(object_));
    EXPECT_FALSE(std::filesystem::exists(object_ + ".chunks"));
    EXPECT_NE(quarantine().find(manifest_.parts[0].object.hex()), std::string::npos);
    ASSERT_TRUE(publish(blob("x", 1, 9 << 20)));
    EXPECT_TRUE(open(Verify::always));
}

TEST_F(ObjectTest, DamageIsFoundWithoutTheChunkListOrWithADamagedOne) {
    std::filesystem::remove(object_ + ".chunks");
    EXPECT_TRUE(open(Verify::always));
    support::write_file(object_ + ".chunks", "nonsense");
    EXPECT_TRUE(open(Verify::always)) << "it is only advice";
    support::flip_byte(object_, 0);
    EXPECT_EQ(error_of(Verify::always).code, Errc::damaged);
}

TEST_F(ObjectTest, OfAnotherSizeIsFoundWithoutReading) {
    for (const std::uintmax_t size : {0U, 1U, (9U << 20) - 1, (9U << 20) + 1}) {
        ASSERT_TRUE(publish(blob("x", 1, 9 << 20)));
        std::filesystem::resize_file(object_, size);
        EXPECT_EQ(error_of(Verify::never).code, Errc::damaged) << size;
    }
}

TEST_F(ObjectTest, ThatIsGoneIsNotFoundAndItsEntryStays) {
    std::filesystem::remove(object_);
    EXPECT_EQ(error_of(Verify::once).code, Errc::not_found);
    EXPECT_TRUE(store_->find(manifest_.key).manifest);
    ASSERT_TRUE(publish(blob("x", 1, 9 << 20)));
    EXPECT_TRUE(open(Verify::once));
}

TEST_F(ObjectTest, EveryDamagedByteIsFound) {
    const std::string content = "every one of these bytes";
    for (std::size_t at = 0; at < content.size(); ++at) {
        const auto manifest = publish(blob_of("y", content));
        support::flip_byte(path_of(manifest->parts[0].object), at);
        const auto object = store_->open_object(manifest->key, manifest->parts[0], Verify::always);
        ASSERT_FALSE(object) << at;
        ASSERT_EQ(object.error().code, Errc::damaged);
    }
}

TEST_F(ObjectTest, StaysReadableAfterItIsRemoved) {
    auto object = *open(Verify::once);
    const auto key = manifest_.key;
    ASSERT_TRUE(store_->remove({&key, 1}));
    EXPECT_FALSE(std::filesystem::exists(object_));
    store_.reset();
    const auto mapping = object.mapping;
    object = {};
    mapping->drop_resident();
    const auto bytes = mapping->bytes();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
              content_of("x", 1, 9 << 20));
}

// Threads read their chunks in parallel; the digest is the same.
TEST_F(ObjectTest, IsTheSameWithAnyNumberOfThreads) {
    const auto content = content_of("x", 1, 30'000'001);
    const auto expected = hash_chunked(std::as_bytes(std::span(content)));
    support::write_file(directory_ / "file", content);
    for (const unsigned threads : {0U, 1U, 2U, 7U, 64U}) {
        const auto file = fs_->open(directory_ / "file", os::OpenMode::read, 0);
        const auto hashed = hash_file(**file, content.size(), threads);
        ASSERT_TRUE(hashed);
        EXPECT_EQ(hashed->digest, expected);
        EXPECT_FALSE(hash_file(**file, content.size() + 1, threads));
    }
}

}  // namespace
}  // namespace larder::internal::store
