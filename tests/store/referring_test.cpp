// Encoding::referring: blobs with some bytes in files outside the store.
#include "store/references/referring.h"

#include <chrono>
#include <functional>
#include <thread>

#include "harness.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;
using format::Referred;
using format::ReferredKind;
using format::Referring;

constexpr std::uint64_t k_file_bytes = 300'000;
constexpr std::uint64_t k_own_begin = 8192;       // in the object
constexpr std::uint64_t k_own_bytes = 1'100'000;  // not small

class ReferringTest : public LarderTest {
protected:
    ReferringTest() { support::write_file(weights_path_, weights_); }

    // Own bytes, then a part of the file with another beginning, then all of the constant.
    [[nodiscard]] static Referring table() {
        Referring referring;
        referring.referred = {{ReferredKind::file, hash_bytes({}), k_file_bytes},
                              {ReferredKind::constant, Digest{}, 70'000}};
        referring.pieces = {{0, k_own_begin, k_own_bytes}, {1, 4'096, 200'001}, {2, 0, 70'000}};
        for (const auto& piece : referring.pieces) referring.blob_bytes += piece.bytes;
        return referring;
    }
    [[nodiscard]] std::string blob_text() const {
        return own_ + weights_.substr(4'096, 200'001) + weights_.substr(12'345, 70'000);
    }
    [[nodiscard]] std::string object_of(const Referring& referring) const {
        const auto bytes = format::encode_referring(referring);
        std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        text.resize(std::max<std::size_t>(text.size(), k_own_begin));
        return text + own_;
    }
    Manifest must_publish(const std::string& object, std::uint64_t blob_bytes) {
        Publication publication;
        publication.manifest.key_inputs = {{"name", "x"}};
        publication.sources.push_back(
            {"", [&](StagedFile& file) {
                 file.set_form({Encoding::referring, std::string(format::k_made_part), blob_bytes});
                 return file.write_at(0, std::as_bytes(std::span(object)));
             }});
        auto manifest = publish(publication);
        EXPECT_TRUE(manifest) << manifest.error().message();
        return manifest ? *manifest : Manifest{};
    }
    Manifest must_publish() { return must_publish(object_of(table()), table().blob_bytes); }

    Result<SourceRange> find(const Referred& referred) {
        ++finds_;
        auto file = fs_->open(weights_path_, os::OpenMode::read);
        if (!file) return fail(file.error());
        const auto offset = referred.kind == ReferredKind::constant ? 12'345U : 0U;
        return SourceRange{std::move(*file), offset};
    }
    Result<MappedObject> open(Verify policy = Verify::once) {
        const auto found = store_->find(key_of("x"));
        if (!found.manifest) return fail(Errc::not_found, "no entry");
        return store_->open_blob(*found.manifest, policy,
                                 [this](const Referred& referred) { return find(referred); });
    }

    std::string weights_ = random_text(k_file_bytes, 1);
    std::string own_ = random_text(k_own_bytes, 2);
    std::string weights_path_ = directory_ / "weights.bin";
    int finds_ = 0;
};

TEST_F(ReferringTest, IsPutTogetherOfWhatIsKeptAndWhatIsNot) {
    const auto manifest = must_publish();
    EXPECT_EQ(manifest.encoding, Encoding::referring);
    EXPECT_EQ(manifest.own_part().name, format::k_made_part);
    EXPECT_EQ(manifest.total_bytes(), table().blob_bytes);
    EXPECT_EQ(*store_->find(key_of("x")).manifest, manifest);
    for (const auto policy : {Verify::always, Verify::once, Verify::never}) {
        const auto object = open(policy);
        ASSERT_TRUE(object) << object.error().message();
        EXPECT_TRUE(text_of(*object) == blob_text());
        ASSERT_EQ(object->ranges.size(), 3U);
        for (const auto& range : object->ranges) {
            std::string bytes(range.bytes, '\0');
            ASSERT_TRUE(
                range.file->read_at(range.file_offset, std::as_writable_bytes(std::span(bytes))));
            EXPECT_TRUE(bytes == blob_text().substr(range.offset, range.bytes));
        }
    }
    EXPECT_EQ(finds_, 6) << "each source once, not once for each piece";
    const auto report = store_->verify({});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->findings.empty());
    EXPECT_EQ(tmp(), "");
}

TEST_F(ReferringTest, OutlivesItsEntryAndTheNamesOfItsFiles) {
    must_publish();
    const auto object = open();
    ASSERT_TRUE(object);
    const std::vector keys{key_of("x")};
    const auto removed = store_->remove(keys);
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->removed_objects, 1U);
    stdfs::remove(weights_path_);
    EXPECT_TRUE(text_of(*object) == blob_text());
    object->mapping->drop_resident();
    EXPECT_TRUE(text_of(*object) == blob_text());
}

TEST_F(ReferringTest, WhoseFilesAreNotThereStays) {
    const auto manifest = must_publish();
    const auto opened = store_->open_blob(manifest, Verify::once);
    ASSERT_FALSE(opened) << "nobody said where they are";
    EXPECT_EQ(opened.error().code, Errc::not_found);
    stdfs::rename(weights_path_, weights_path_ + ".gone");
    ASSERT_FALSE(open());
    EXPECT_EQ(open().error().code, Errc::not_found);
    EXPECT_EQ(open().error().path, weights_path_);
    EXPECT_EQ(quarantine(), "");
    stdfs::rename(weights_path_ + ".gone", weights_path_);
    EXPECT_TRUE(text_of(*open()) == blob_text());
}

// The caller identifies the files; a wrong size is detected all the same.
TEST_F(ReferringTest, OfAFileThatIsTooShortFailsWithoutATrace) {
    must_publish();
    for (const std::uint64_t bytes : {0U, 5'000U, 150'000U, 204'096U}) {
        stdfs::resize_file(weights_path_, bytes);
        const auto opened = open();
        ASSERT_FALSE(opened) << bytes;
        EXPECT_EQ(opened.error().path, weights_path_) << opened.error().message();
        EXPECT_EQ(quarantine(), "") << "the object is not to blame";
        EXPECT_TRUE(store_->find(key_of("x")).manifest);
    }
    support::write_file(weights_path_, weights_);
    EXPECT_TRUE(text_of(*open()) == blob_text());
}

TEST_F(ReferringTest, WhoseObjectIsDamagedIsSetAside) {
    for (const std::uint64_t at : {0U, 8U, 40U, 100U, 8'191U, 60'000U}) {
        const auto path = path_of(must_publish().own_part().object);
        support::flip_byte(path, at);
        const auto opened = open(Verify::always);
        ASSERT_FALSE(opened) << at;
        EXPECT_EQ(opened.error().code, Errc::damaged);
        EXPECT_EQ(opened.error().path, path);
        EXPECT_FALSE(stdfs::exists(path)) << at;
        EXPECT_FALSE(store_->find(key_of("x")).manifest);
    }
    const auto path = path_of(must_publish().own_part().object);
    stdfs::resize_file(path, 50'000);
    EXPECT_EQ(open(Verify::never).error().code, Errc::damaged);
    EXPECT_FALSE(stdfs::exists(path));
}

// Its digest is correct, but its content is invalid.
TEST_F(ReferringTest, WhoseTableLiesIsSetAsideAndNothingIsMapped) {
    const std::vector<std::function<void(Referring&)>> lies{
        [](Referring& table) { table.pieces[1].offset = k_file_bytes; },
        [](Referring& table) { table.pieces[1].offset = ~std::uint64_t{0} - 10; },
        [](Referring& table) { table.pieces[1].bytes = ~std::uint64_t{0}; },
        [](Referring& table) { table.pieces[0].offset = 1; },
        [](Referring& table) { table.pieces[0].offset = k_own_begin + 1; },
        [](Referring& table) { table.pieces[2].source = 3; },
        [](Referring& table) { table.referred.clear(); },
        [](Referring& table) { table.pieces.pop_back(); },
        [](Referring& table) { table.pieces.push_back({1, 0, 1}); },
    };
    for (std::size_t i = 0; i < lies.size(); ++i) {
        auto lie = table();
        lies[i](lie);
        const auto path =
            path_of(must_publish(object_of(lie), table().blob_bytes).own_part().object);
        const auto opened = open();
        ASSERT_FALSE(opened) << i;
        EXPECT_EQ(opened.error().code, Errc::damaged) << opened.error().message();
        EXPECT_EQ(opened.error().path, path);
        EXPECT_FALSE(store_->find(key_of("x")).manifest) << i;
        EXPECT_FALSE(stdfs::exists(path)) << i;
    }
    EXPECT_EQ(finds_, 0);
    must_publish(object_of(table()), table().blob_bytes + 1);
    EXPECT_EQ(open().error().code, Errc::damaged) << "of another blob";
    must_publish(random_text(100'000, 3), table().blob_bytes);
    EXPECT_EQ(open().error().code, Errc::damaged) << "no table";
    must_publish("", table().blob_bytes);
    EXPECT_EQ(open().error().code, Errc::damaged) << "nothing";
    EXPECT_FALSE(store_->find(key_of("x")).manifest);
}

TEST_F(ReferringTest, OfANewerLarderIsLeftAlone) {
    auto object = object_of(table());
    object[8] = 2;
    must_publish(object, table().blob_bytes);
    EXPECT_EQ(open().error().code, Errc::unsupported);
    EXPECT_TRUE(store_->find(key_of("x")).manifest);
    EXPECT_EQ(quarantine(), "");
}

TEST_F(ReferringTest, IsKeptAsItIs) {
    const auto manifest = must_publish(object_of(table()), table().blob_bytes);
    EXPECT_EQ(manifest.encoding, Encoding::referring);
    const std::vector keys{manifest.key};
    const auto compressed = store_->compress({});
    ASSERT_TRUE(compressed);
    EXPECT_TRUE(compressed->done.empty());
    ASSERT_EQ(compressed->left.size(), 1U);
    EXPECT_EQ(compressed->left[0].why, Unchanged::encoding);
    const auto decompressed = store_->decompress(keys);
    ASSERT_TRUE(decompressed);
    EXPECT_TRUE(decompressed->done.empty());
    EXPECT_EQ(*store_->find(manifest.key).manifest, manifest);
    EXPECT_TRUE(text_of(*open()) == blob_text());
}

TEST_F(ReferringTest, TakesWhatItsObjectTakes) {
    must_publish();
    const auto totals = store_->totals();
    ASSERT_TRUE(totals);
    EXPECT_LT(totals->object_bytes, k_own_bytes + 3 * k_own_begin);
    PruneRules rules;
    const auto pruned = store_->prune(rules, DryRun::yes);
    ASSERT_TRUE(pruned);
    EXPECT_EQ(pruned->removal.removed_objects, 0U) << "no garbage";
}

TEST_F(ReferringTest, IsProvenAsItsObjectIs) {
    must_publish();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(open(Verify::never)->proof, Proof::none);
    EXPECT_EQ(open(Verify::once)->proof, Proof::read);
    EXPECT_EQ(open(Verify::once)->proof, Proof::remembered);
    EXPECT_EQ(open(Verify::always)->proof, Proof::read);
}

}  // namespace
}  // namespace larder::internal::store
