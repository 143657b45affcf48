// Encoding::variant: blobs that share bytes with another blob.
#include "store/variant.h"

#include <cerrno>
#include <chrono>
#include <thread>

#include "harness.h"
#include "store/layout.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

Digest family_of(const std::string& name) { return hash_bytes(std::as_bytes(std::span(name))); }

Publication member(const std::string& name, const std::string& content) {
    auto publication = blob_of(name, content);
    publication.family = family_of("family");
    return publication;
}

class VariantTest : public LarderTest {
protected:
    // A blob like those of exporters: a header, constants, and a description at the end. `inserted`
    // differs from shape to shape, and moves the following bytes.
    [[nodiscard]] std::string blob_with(std::size_t inserted, std::uint64_t seed) const {
        auto header = "header " + std::to_string(seed);
        header.resize(64);
        return header + first_ + random_text(inserted, seed) + second_ +
               random_text(30'000, seed + 1);
    }
    Manifest must_publish(const Publication& publication) {
        auto manifest = publish(publication);
        EXPECT_TRUE(manifest) << manifest.error().message();
        return manifest ? *manifest : Manifest{};
    }
    std::string content(const std::string& name, VerifyPolicy policy = VerifyPolicy::always) {
        const auto found = store_->find(key_of(name));
        if (!found.manifest) return "no entry";
        const auto object = store_->open_blob(*found.manifest, policy);
        return object ? text_of(*object) : object.error().message();
    }
    [[nodiscard]] std::uint64_t objects_bytes() const {
        std::uint64_t bytes = 0;
        for (const auto& file : stdfs::recursive_directory_iterator(larder() + "/objects")) {
            if (file.is_regular_file()) bytes += file.file_size();
        }
        return bytes;
    }
    [[nodiscard]] std::string family_file() const {
        return Layout(larder()).family(family_of("family"));
    }
    static const Part& base_of(const Manifest& manifest) { return manifest.parts.at(0); }

    std::string first_ = random_text(k_mib / 8, 1);
    std::string second_ = random_text(4 * k_mib, 2);
};

TEST_F(VariantTest, EightBlobsOfAFamilyTakeHardlyMoreThanOne) {
    std::map<std::string, std::string> blobs;
    for (std::uint64_t i = 0; i < 8; ++i) {
        const auto name = "x" + std::to_string(i);
        blobs[name] = blob_with(i * 640, 10 * i);
        const auto manifest = must_publish(member(name, blobs[name]));
        EXPECT_EQ(manifest.encoding, i == 0 ? Encoding::raw : Encoding::variant);
        EXPECT_EQ(manifest.total_bytes(), blobs[name].size());
        EXPECT_EQ(*store_->find(key_of(name)).manifest, manifest);
    }
    for (const auto& [name, blob] : blobs) EXPECT_TRUE(content(name) == blob) << name;
    EXPECT_LT(objects_bytes(), blobs["x0"].size() * 11 / 10);
    const auto report = store_->verify({});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->findings.empty());
    EXPECT_EQ(report->objects, 8U);
    EXPECT_EQ(tmp(), "");
}

TEST_F(VariantTest, OnlyAFamilyIsSearched) {
    const auto blob = blob_with(0, 1);
    must_publish(member("a", blob));
    EXPECT_EQ(must_publish(blob_of("b", blob_with(640, 2))).encoding, Encoding::raw);
    auto other = blob_of("c", blob_with(64, 3));
    other.family = family_of("other");
    EXPECT_EQ(must_publish(other).encoding, Encoding::raw);
    EXPECT_EQ(must_publish(member("d", blob)).encoding, Encoding::raw) << "it is the base itself";
    EXPECT_EQ(must_publish(member("e", random_text(k_mib, 9))).encoding, Encoding::raw)
        << "nothing in common";
    EXPECT_EQ(must_publish(member("f", blob_with(128, 4))).encoding, Encoding::variant)
        << "of an older member than the newest";
}

TEST_F(VariantTest, TheBaseStaysForItsVariantsAndNoLonger) {
    const auto base = must_publish(member("base", blob_with(0, 1)));
    const auto variant = must_publish(member("variant", blob_with(640, 2)));
    ASSERT_EQ(variant.encoding, Encoding::variant);
    EXPECT_EQ(base_of(variant).object, base.parts[0].object);
    const std::vector base_key{base.key};
    const auto planned = store_->remove(base_key, DryRun::yes);
    const auto removed = store_->remove(base_key);
    ASSERT_TRUE(planned && removed);
    EXPECT_EQ(removed->removed_objects, 0U);
    EXPECT_EQ(planned->freed_bytes, removed->freed_bytes);
    EXPECT_TRUE(content("variant") == blob_with(640, 2));
    ASSERT_TRUE(store_->collect_garbage());
    EXPECT_TRUE(content("variant") == blob_with(640, 2));
    EXPECT_EQ(must_publish(member("third", blob_with(64, 3))).encoding, Encoding::variant)
        << "an object is a base also without an entry of its own";
    ASSERT_TRUE(store_->remove(std::vector{key_of("third")}));
    const auto variant_planned = store_->remove(std::vector{variant.key}, DryRun::yes);
    const auto variant_removed = store_->remove(std::vector{variant.key});
    ASSERT_TRUE(variant_planned && variant_removed);
    EXPECT_EQ(variant_removed->removed_objects, 2U);
    EXPECT_EQ(variant_planned->freed_bytes, variant_removed->freed_bytes);
    EXPECT_EQ(support::tree_of(larder() + "/objects"), "");
}

TEST_F(VariantTest, WhatIsMappedOutlivesEntriesAndSharesItsBytes) {
    must_publish(member("a", blob_with(0, 1)));
    must_publish(member("b", blob_with(640, 2)));
    must_publish(member("c", blob_with(8192, 3)));
    std::vector<MappedObject> objects;
    for (const auto* const name : {"a", "b", "c"}) {
        const auto found = store_->find(key_of(name));
        objects.push_back(*store_->open_blob(*found.manifest, VerifyPolicy::once));
        ASSERT_FALSE(objects.back().ranges.empty());
    }
    const std::vector keys{key_of("a"), key_of("b"), key_of("c")};
    ASSERT_TRUE(store_->remove(keys));
    EXPECT_TRUE(text_of(objects[0]) == blob_with(0, 1));
    EXPECT_TRUE(text_of(objects[1]) == blob_with(640, 2));
    objects[1].mapping->drop_resident();
    EXPECT_TRUE(text_of(objects[1]) == blob_with(640, 2));
    EXPECT_TRUE(text_of(objects[2]) == blob_with(8192, 3));
    for (const auto& range : objects[2].ranges) {
        std::string bytes(range.bytes, '\0');
        ASSERT_TRUE(
            range.file->read_at(range.file_offset, std::as_writable_bytes(std::span(bytes))));
        EXPECT_TRUE(bytes == blob_with(8192, 3).substr(range.offset, range.bytes));
    }
}

TEST_F(VariantTest, ConstantsStayAligned) {
    must_publish(member("a", blob_with(0, 1)));
    for (std::size_t i = 1; i < 5; ++i) {
        must_publish(member("b", blob_with(i * 1088, i)));
        const auto object =
            *store_->open_blob(*store_->find(key_of("b")).manifest, VerifyPolicy::never);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object.bytes().data()) % 64, 0U);
    }
}

TEST_F(VariantTest, DamageNamesTheObjectThatHasIt) {
    const auto base = must_publish(member("base", blob_with(0, 1)));
    const auto variant = must_publish(member("variant", blob_with(640, 2)));
    const auto base_path = path_of(base.parts[0].object);
    const auto delta_path = path_of(variant.own_part().object);
    support::flip_byte(delta_path, 5000);
    const auto delta_error = content("variant");
    EXPECT_NE(delta_error.find(delta_path), std::string::npos) << delta_error;
    EXPECT_EQ(content("variant"), "no entry");
    EXPECT_FALSE(stdfs::exists(delta_path));
    EXPECT_TRUE(content("base") == blob_with(0, 1)) << "which is as good as before";

    must_publish(member("variant", blob_with(640, 2)));
    support::flip_byte(base_path, k_mib);
    const auto base_error = content("variant");
    EXPECT_NE(base_error.find(base_path), std::string::npos) << base_error;
    EXPECT_EQ(content("variant"), "no entry");
    EXPECT_FALSE(stdfs::exists(base_path));
    EXPECT_NE(quarantine().find(base.parts[0].object.hex()), std::string::npos);
    EXPECT_EQ(must_publish(member("variant", blob_with(640, 2))).encoding, Encoding::raw)
        << "there is no base any more";
    EXPECT_TRUE(content("variant") == blob_with(640, 2));
}

TEST_F(VariantTest, ADamagedBaseIsNeverBuiltUpon) {
    const auto base = must_publish(member("base", blob_with(0, 1)));
    support::flip_byte(path_of(base.parts[0].object), k_mib);
    EXPECT_EQ(must_publish(member("other", blob_with(640, 2))).encoding, Encoding::raw);
    EXPECT_TRUE(content("other") == blob_with(640, 2));
}

TEST_F(VariantTest, AMissingBaseIsAMissAndFoundByVerify) {
    const auto base = must_publish(member("base", blob_with(0, 1)));
    const auto variant = must_publish(member("variant", blob_with(640, 2)));
    stdfs::remove(path_of(base.parts[0].object));
    const auto opened = store_->open_blob(variant, VerifyPolicy::once);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::not_found);
    EXPECT_EQ(store_->verify({})->findings.size(), 2U) << "both entries lack it";
    EXPECT_EQ(must_publish(member("variant", blob_with(640, 2))).encoding, Encoding::raw);
    EXPECT_TRUE(content("variant") == blob_with(640, 2));
}

TEST_F(VariantTest, IsProvenAsItsObjectsAre) {
    must_publish(member("base", blob_with(0, 1)));
    const auto variant = must_publish(member("variant", blob_with(640, 2)));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto proof = [&](VerifyPolicy policy) {
        return store_->open_blob(variant, policy)->proof;
    };
    EXPECT_EQ(proof(VerifyPolicy::never), Proof::none);
    EXPECT_EQ(proof(VerifyPolicy::once), Proof::read);
    EXPECT_EQ(proof(VerifyPolicy::once), Proof::remembered);
    EXPECT_EQ(proof(VerifyPolicy::always), Proof::read);
}

TEST_F(VariantTest, AFamilyFileIsOnlyAdvice) {
    const auto base = must_publish(member("base", blob_with(0, 1)));
    const auto hex = base.parts[0].object.hex();
    EXPECT_EQ(support::read_file(family_file()), hex + "\n");
    const auto encoding_with = [&](const std::string& text) {
        support::write_file(family_file(), text);
        const auto encoding = must_publish(member("x", blob_with(640, 2))).encoding;
        EXPECT_TRUE(content("x") == blob_with(640, 2));
        EXPECT_TRUE(store_->remove(std::vector{key_of("x")}));
        return encoding;
    };
    EXPECT_EQ(encoding_with("nonsense"), Encoding::raw);
    EXPECT_EQ(encoding_with(std::string(10'000, 'a')), Encoding::raw);
    EXPECT_EQ(encoding_with(std::string(64, 'a') + "\n" + hex + "\n"), Encoding::variant)
        << "the first is gone";
    EXPECT_EQ(encoding_with(hex + "\n" + "torn"), Encoding::variant);
    EXPECT_EQ(encoding_with(hex), Encoding::raw) << "torn";
}

TEST_F(VariantTest, FamiliesWithoutMembersAreRemoved) {
    const auto base = must_publish(member("base", blob_with(0, 1)));
    ASSERT_TRUE(store_->collect_garbage());
    EXPECT_TRUE(stdfs::exists(family_file()));
    ASSERT_TRUE(store_->remove(std::vector{base.key}));
    const auto planned = store_->collect_garbage(DryRun::yes);
    EXPECT_TRUE(stdfs::exists(family_file()));
    const auto collected = store_->collect_garbage();
    ASSERT_TRUE(planned && collected);
    EXPECT_EQ(planned->freed_bytes, collected->freed_bytes);
    EXPECT_FALSE(stdfs::exists(family_file()));
}

TEST_F(VariantTest, IsReadAheadWithItsBase) {
    must_publish(member("base", blob_with(0, 1)));
    const auto variant = must_publish(member("variant", blob_with(640, 2)));
    const auto all = [] { return Continue::yes; };
    const auto read = store_->read_ahead(variant.own_part().object, ~std::uint64_t{0}, all);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, variant.parts[0].bytes + variant.parts[1].bytes);
    EXPECT_EQ(*store_->read_ahead(variant.own_part().object, 100, all), 100U);
}

// Removes the base just before the variant gets its name.
class BaseGoes final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;
    std::string base;

protected:
    std::optional<Error> before(const support::Call& call) override {
        const bool is_entry = call.path.find("/tmp/entry-") != std::string::npos;
        if (call.operation == support::Operation::create && is_entry && !base.empty()) {
            stdfs::remove(std::exchange(base, {}));
        }
        return std::nullopt;
    }
};

TEST_F(VariantTest, ABaseThatGoesMeanwhileIsNoSecondExport) {
    BaseGoes fs(*fs_);
    Machine machine(fs);
    const auto store = machine.must_open(larder());
    const auto base = store->publish(member("base", blob_with(0, 1)));
    ASSERT_TRUE(base);
    fs.base = Layout(larder()).object(base->parts[0].object);
    auto publication = member("variant", blob_with(640, 2));
    int exports = 0;
    publication.sources.front().write = [&, write = publication.sources.front().write](auto& file) {
        ++exports;
        return write(file);
    };
    const auto kept = store->publish(publication);
    ASSERT_TRUE(kept) << kept.error().message();
    EXPECT_EQ(fs.base, "");
    EXPECT_EQ(kept->encoding, Encoding::raw);
    EXPECT_EQ(exports, 1);
    const auto object = store->open_blob(*kept, VerifyPolicy::always);
    ASSERT_TRUE(object) << object.error().message();
    EXPECT_TRUE(text_of(*object) == blob_with(640, 2));
    EXPECT_EQ(tmp(), "");
}

// Every call fails once: then the entry exists, whole or as a variant, or publishing has failed.
TEST_F(VariantTest, NoFaultMakesItWorseThanKeptWhole) {
    support::FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    std::uint64_t variants = 0;
    std::uint64_t failures = 0;
    const auto blob = blob_with(640, 2);
    for (std::uint64_t call = 0;; ++call) {
        const auto larder = directory_ / ("faulty" + std::to_string(call));
        auto store = machine.must_open(larder);
        ASSERT_TRUE(store->publish(member("base", blob_with(0, 1))));
        faulty.fail_once_after(call, EIO);
        const auto manifest = store->publish(member("x", blob));
        const bool failed = faulty.faults() > 0;
        faulty.heal();
        if (manifest) {
            variants += manifest->encoding == Encoding::variant ? 1U : 0U;
            const auto object = store->open_blob(*manifest, VerifyPolicy::always);
            ASSERT_TRUE(object) << object.error().message();
            ASSERT_TRUE(text_of(*object) == blob) << call;
        } else {
            ++failures;
        }
        const auto base = store->find(key_of("base"));
        ASSERT_TRUE(base.manifest && store->open_blob(*base.manifest, VerifyPolicy::always));
        // Files that could not be removed at that time are removed later.
        store = machine.must_open(larder);
        EXPECT_EQ(support::tree_of(larder + "/tmp"), "") << call;
        stdfs::remove_all(larder);
        if (!failed) break;
    }
    EXPECT_GT(variants, 5U);
    EXPECT_GT(failures, 0U);
}

}  // namespace
}  // namespace larder::internal::store
