// Encoding::referring: blobs that have bytes in common with other objects of the larder.
#include <cerrno>
#include <chrono>
#include <thread>

#include "harness.h"
#include "store/disk/layout.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

class SharedObjectsTest : public LarderTest {
protected:
    [[nodiscard]] Publication member(const std::string& name, std::uint64_t seed) {
        return member_of_family(*store_, name, common_, seed);
    }
    [[nodiscard]] std::string blob(std::uint64_t seed) const {
        return blob_of_family(common_, seed);
    }
    Manifest must_publish(const Publication& publication) {
        auto manifest = publish(publication);
        EXPECT_TRUE(manifest) << manifest.error().message();
        return manifest ? *manifest : Manifest{};
    }
    std::string content(const std::string& name, Verify policy = Verify::always) {
        const auto found = store_->find(key_of(name));
        if (!found.manifest) return "no entry";
        const auto object = store_->open_blob(*found.manifest, policy);
        return object ? text_of(*object) : object.error().message();
    }
    [[nodiscard]] std::string family_file() const {
        return Layout(larder()).family(member_of_family(*store_, "x", common_, 0).families.at(0));
    }
    static const Part& shared_of(const Manifest& manifest) { return manifest.parts.at(1); }

    std::string common_ = random_text(2 * k_mib, 1);
};

TEST_F(SharedObjectsTest, EightBlobsOfAFamilyTakeHardlyMoreThanOne) {
    for (std::uint64_t i = 0; i < 8; ++i) {
        const auto name = "x" + std::to_string(i);
        const auto manifest = must_publish(member(name, i));
        EXPECT_EQ(manifest.encoding, i == 0 ? Encoding::raw : Encoding::referring);
        EXPECT_EQ(manifest.total_bytes(), blob(i).size());
        EXPECT_EQ(manifest.referred_bytes(), 0U) << "of nobody's files";
        EXPECT_EQ(*store_->find(key_of(name)).manifest, manifest);
    }
    for (std::uint64_t i = 0; i < 8; ++i) EXPECT_TRUE(content("x" + std::to_string(i)) == blob(i));
    EXPECT_LT(store_->totals()->object_bytes, blob(0).size() * 11 / 10);
    const auto report = store_->verify({});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->findings.empty());
    EXPECT_EQ(report->objects, 8U);
    EXPECT_EQ(tmp(), "");
}

TEST_F(SharedObjectsTest, OnlyAFamilyIsSearched) {
    must_publish(member("a", 1));
    const auto other = hash_bytes({});
    EXPECT_EQ(store_->shareable({&other, 1}).size(), 0U);
    EXPECT_EQ(store_->shareable(member("c", 3).families).size(), 1U);
    must_publish(member("c", 3));
    EXPECT_EQ(store_->shareable(member("c", 3).families).size(), 1U)
        << "what is left of a blob is mostly its own";
    auto both = blob_of("d", random_text(k_mib, 9));
    both.families = {other, member("c", 3).families.at(0)};
    must_publish(both);
    EXPECT_EQ(store_->shareable({&other, 1}).size(), 1U);
    EXPECT_EQ(store_->shareable(both.families).size(), 2U) << "each once";
}

TEST_F(SharedObjectsTest, AnObjectStaysForThoseThatReferToItAndNoLonger) {
    const auto base = must_publish(member("base", 1));
    const auto other = must_publish(member("other", 2));
    ASSERT_EQ(other.encoding, Encoding::referring);
    EXPECT_EQ(shared_of(other).object, base.parts[0].object);
    const std::vector base_key{base.key};
    const auto planned = store_->remove(base_key, DryRun::yes);
    const auto removed = store_->remove(base_key);
    ASSERT_TRUE(planned && removed);
    EXPECT_EQ(removed->removed_objects, 0U);
    EXPECT_EQ(planned->freed_bytes, removed->freed_bytes);
    ASSERT_TRUE(store_->prune({}));
    EXPECT_TRUE(content("other") == blob(2));
    EXPECT_EQ(must_publish(member("third", 3)).encoding, Encoding::referring)
        << "an object may be referred to also without an entry of its own";
    ASSERT_TRUE(store_->remove(std::vector{key_of("third")}));
    const auto other_planned = store_->remove(std::vector{other.key}, DryRun::yes);
    const auto other_removed = store_->remove(std::vector{other.key});
    ASSERT_TRUE(other_planned && other_removed);
    EXPECT_EQ(other_removed->removed_objects, 2U);
    EXPECT_EQ(other_planned->freed_bytes, other_removed->freed_bytes);
    EXPECT_EQ(support::tree_of(larder() + "/objects"), "");
}

TEST_F(SharedObjectsTest, WhatIsMappedOutlivesEntries) {
    must_publish(member("a", 1));
    must_publish(member("b", 2));
    const auto object = *store_->open_blob(*store_->find(key_of("b")).manifest, Verify::once);
    ASSERT_FALSE(object.ranges.empty());
    ASSERT_TRUE(store_->remove(std::vector{key_of("a"), key_of("b")}));
    EXPECT_TRUE(text_of(object) == blob(2));
    object.mapping->drop_resident();
    EXPECT_TRUE(text_of(object) == blob(2));
    for (const auto& range : object.ranges) {
        std::string bytes(range.bytes, '\0');
        ASSERT_TRUE(
            range.file->read_at(range.file_offset, std::as_writable_bytes(std::span(bytes))));
        EXPECT_TRUE(bytes == blob(2).substr(range.offset, range.bytes));
    }
}

TEST_F(SharedObjectsTest, DamageNamesTheObjectThatHasIt) {
    const auto base = must_publish(member("base", 1));
    const auto other = must_publish(member("other", 2));
    const auto base_path = path_of(base.parts[0].object);
    const auto own_path = path_of(other.own_part().object);
    support::flip_byte(own_path, 5'000);
    const auto own_error = content("other");
    EXPECT_NE(own_error.find(own_path), std::string::npos) << own_error;
    EXPECT_EQ(content("other"), "no entry");
    EXPECT_FALSE(stdfs::exists(own_path));
    EXPECT_TRUE(content("base") == blob(1)) << "which is as good as before";

    must_publish(member("other", 2));
    support::flip_byte(base_path, k_mib);
    const auto base_error = content("other");
    EXPECT_NE(base_error.find(base_path), std::string::npos) << base_error;
    EXPECT_EQ(content("other"), "no entry");
    EXPECT_FALSE(stdfs::exists(base_path));
    EXPECT_NE(quarantine().find(base.parts[0].object.hex()), std::string::npos);
    EXPECT_EQ(must_publish(member("other", 2)).encoding, Encoding::raw) << "it is gone";
    EXPECT_TRUE(content("other") == blob(2));
}

TEST_F(SharedObjectsTest, WhatIsDamagedIsNeverBuiltUpon) {
    const auto base = must_publish(member("base", 1));
    support::flip_byte(path_of(base.parts[0].object), k_mib);
    EXPECT_EQ(must_publish(member("other", 2)).encoding, Encoding::raw);
    EXPECT_TRUE(content("other") == blob(2));
}

TEST_F(SharedObjectsTest, WhatIsMissingIsAMissAndFoundByVerify) {
    const auto base = must_publish(member("base", 1));
    const auto other = must_publish(member("other", 2));
    stdfs::remove(path_of(base.parts[0].object));
    const auto opened = store_->open_blob(other, Verify::once);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::not_found);
    EXPECT_EQ(store_->verify({})->findings.size(), 2U) << "both entries lack it";
    EXPECT_EQ(must_publish(member("other", 2)).encoding, Encoding::raw);
    EXPECT_TRUE(content("other") == blob(2));
}

// The object says so, and the entry does not: nothing keeps what it refers to.
TEST_F(SharedObjectsTest, AnObjectThatTheEntryDoesNotNameIsDamage) {
    must_publish(member("base", 1));
    auto other = must_publish(member("other", 2));
    other.parts.pop_back();
    const auto opened = store_->open_blob(other, Verify::once);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::damaged);
    EXPECT_EQ(content("other"), "no entry");
}

TEST_F(SharedObjectsTest, IsProvenAsItsObjectsAre) {
    const auto base = must_publish(member("base", 1));
    const auto other = must_publish(member("other", 2));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    machine_.memory().clear();
    const auto proof = [&](Verify policy) { return store_->open_blob(other, policy)->proof; };
    EXPECT_EQ(proof(Verify::never), Proof::none);
    EXPECT_EQ(proof(Verify::once), Proof::read);
    EXPECT_EQ(store_->open_blob(base, Verify::once)->proof, Proof::remembered);
    EXPECT_EQ(proof(Verify::once), Proof::read) << "its own object is small";
    EXPECT_EQ(proof(Verify::always), Proof::read);
}

TEST_F(SharedObjectsTest, AFamilyFileIsOnlyAdvice) {
    const auto base = must_publish(member("base", 1));
    const auto hex = base.parts[0].object.hex();
    EXPECT_EQ(support::read_file(family_file()), hex + "\n");
    const auto encoding_with = [&](const std::string& text) {
        support::write_file(family_file(), text);
        const auto encoding = must_publish(member("x", 2)).encoding;
        EXPECT_TRUE(content("x") == blob(2));
        EXPECT_TRUE(store_->remove(std::vector{key_of("x")}));
        return encoding;
    };
    EXPECT_EQ(encoding_with("nonsense"), Encoding::raw);
    EXPECT_EQ(encoding_with(std::string(10'000, 'a')), Encoding::raw);
    EXPECT_EQ(encoding_with(std::string(64, 'a') + "\n" + hex + "\n"), Encoding::referring)
        << "the first is gone";
    EXPECT_EQ(encoding_with(hex + "\n" + "torn"), Encoding::referring);
    EXPECT_EQ(encoding_with(hex), Encoding::raw) << "torn";
}

TEST_F(SharedObjectsTest, FamiliesWithoutMembersAreRemoved) {
    const auto base = must_publish(member("base", 1));
    ASSERT_TRUE(store_->prune({}));
    EXPECT_TRUE(stdfs::exists(family_file()));
    ASSERT_TRUE(store_->remove(std::vector{base.key}));
    const auto planned = store_->prune({}, DryRun::yes);
    EXPECT_TRUE(stdfs::exists(family_file()));
    const auto collected = store_->prune({});
    ASSERT_TRUE(planned && collected);
    EXPECT_EQ(planned->removal.freed_bytes, collected->removal.freed_bytes);
    EXPECT_FALSE(stdfs::exists(family_file()));
}

TEST_F(SharedObjectsTest, IsReadAheadWithWhatItRefersTo) {
    must_publish(member("base", 1));
    const auto other = must_publish(member("other", 2));
    const auto all = [] { return Continue::yes; };
    const auto read = store_->read_ahead(other.own_part().object, ~std::uint64_t{0}, all);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, other.parts[0].bytes + other.parts[1].bytes);
    EXPECT_EQ(*store_->read_ahead(other.own_part().object, 100, all), 100U);
}

// A variant that an earlier larder published is compiled anew, and makes room for that.
TEST_F(SharedObjectsTest, AVariantOfAnEarlierLarderIsAMiss) {
    auto publication = blob_of("x", "base");
    publication.sources[0].name = "base";
    publication.sources.push_back(source_of("delta", "delta"));
    publication.manifest.encoding = Encoding::variant;
    publication.manifest.blob_bytes = 10;
    const auto variant = must_publish(publication);
    EXPECT_EQ(*store_->find(key_of("x")).manifest, variant);
    EXPECT_EQ(store_->open_blob(variant, Verify::once).error().code, Errc::unsupported);
    must_publish(blob_of("x", "new"));
    EXPECT_EQ(content("x"), "new");
    EXPECT_EQ(store_->verify({})->objects, 1U);
}

// Takes an object away just before the entry that refers to it gets its name.
class ObjectGoes final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;
    std::string object;

protected:
    std::optional<Error> before(const support::Call& call) override {
        const bool is_entry = call.path.find("/tmp/entry-") != std::string::npos;
        if (call.operation == support::Operation::create && is_entry && !object.empty()) {
            stdfs::remove(std::exchange(object, {}));
        }
        return std::nullopt;
    }
};

TEST_F(SharedObjectsTest, WithoutAnObjectThatGoesMeanwhileItIsWrittenOnceMore) {
    ObjectGoes fs(*fs_);
    Machine machine(fs);
    const auto store = machine.must_open(larder());
    const auto base = store->publish(member_of_family(*store, "base", common_, 1));
    ASSERT_TRUE(base);
    fs.object = Layout(larder()).object(base->parts[0].object);
    const auto kept = store->publish(member_of_family(*store, "other", common_, 2));
    ASSERT_TRUE(kept) << kept.error().message();
    EXPECT_EQ(fs.object, "");
    EXPECT_EQ(kept->encoding, Encoding::raw);
    EXPECT_EQ(kept->parts.size(), 1U);
    const auto object = store->open_blob(*kept, Verify::always);
    ASSERT_TRUE(object) << object.error().message();
    EXPECT_TRUE(text_of(*object) == blob(2));
    EXPECT_EQ(tmp(), "");
}

// Every call fails once: the entry is then there, in either way, or publishing has failed.
TEST_F(SharedObjectsTest, NoFaultMakesItWorseThanKeptWhole) {
    support::FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    std::uint64_t referring = 0;
    std::uint64_t failures = 0;
    for (std::uint64_t call = 0;; ++call) {
        const auto larder = directory_ / ("faulty" + std::to_string(call));
        auto store = machine.must_open(larder);
        ASSERT_TRUE(store->publish(member_of_family(*store, "base", common_, 1)));
        faulty.fail_once_after(call, EIO);
        const auto manifest = store->publish(member_of_family(*store, "x", common_, 2));
        const bool failed = faulty.faults() > 0;
        faulty.heal();
        if (manifest) {
            referring += manifest->encoding == Encoding::referring ? 1U : 0U;
            const auto object = store->open_blob(*manifest, Verify::always);
            ASSERT_TRUE(object) << object.error().message();
            ASSERT_TRUE(text_of(*object) == blob(2)) << call;
        } else {
            ++failures;
        }
        const auto base = store->find(key_of("base"));
        ASSERT_TRUE(base.manifest && store->open_blob(*base.manifest, Verify::always));
        // Files that could not be removed then are swept.
        store = machine.must_open(larder);
        EXPECT_EQ(support::tree_of(larder + "/tmp"), "") << call;
        stdfs::remove_all(larder);
        if (!failed) break;
    }
    EXPECT_GT(referring, 5U);
    EXPECT_GT(failures, 0U);
}

}  // namespace
}  // namespace larder::internal::store
