// Encoding::compressed: entries that are rarely used, in less space.
#include <chrono>
#include <thread>

#include "compression_harness.h"
#include "format/compressed.h"
#include "format/sealed_json.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

TEST_F(CompressionTest, GivesBackEveryBlob) {
    std::map<std::string, std::string> blobs = {
        {"floats", halves_as_floats(9 * k_mib + 3, 1)},
        {"text", content_of("text", 1, 100'000)},
        {"one frame", halves_as_floats(4 * k_mib, 2)},
        {"one byte more", halves_as_floats(4 * k_mib + 1, 3)},
        {"zeros", std::string(20 * k_mib, '\0')},
        // Frames of every kind.
        {"mixed", random_text(5 * k_mib, 1) + content_of("mixed", 1, 5 * k_mib) +
                      halves_as_floats(5 * k_mib, 4) + random_text(100, 5)},
    };
    for (const auto& [name, blob] : blobs) keep(name, blob);
    const auto before = disk_bytes();
    const auto report = compress();
    EXPECT_EQ(report.done.size(), blobs.size()) << left_of(report);
    EXPECT_EQ(before - disk_bytes(), report.before_bytes - report.after_bytes);
    EXPECT_LT(report.after_bytes, report.before_bytes / 2);
    for (const auto& [name, blob] : blobs) {
        const auto manifest = manifest_of(name);
        EXPECT_EQ(manifest.encoding, Encoding::compressed) << name;
        EXPECT_EQ(manifest.total_bytes(), blob.size());
        EXPECT_LT(manifest.own_part().bytes, blob.size());
        EXPECT_TRUE(content(name) == blob) << name;
        EXPECT_TRUE(content(name, Verify::never) == blob) << name;
    }
    const auto verified = store_->verify({});
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->findings.empty());
    EXPECT_EQ(verified->objects, blobs.size());
    expect_clean();
    const auto& mixed = blobs.at("mixed");
    EXPECT_LT(manifest_of("floats").own_part().bytes, blobs.at("floats").size() / 2);
    EXPECT_GT(manifest_of("mixed").own_part().bytes, mixed.size() / 3);

    std::vector<std::string> names;
    names.reserve(blobs.size());
    for (const auto& [name, blob] : blobs) names.push_back(name);
    const auto undone = decompress(names);
    EXPECT_EQ(undone.done.size(), blobs.size()) << left_of(undone);
    EXPECT_EQ(disk_bytes(), before);
    for (const auto& [name, blob] : blobs) {
        EXPECT_EQ(encoding_of(name), Encoding::raw) << name;
        EXPECT_TRUE(content(name) == blob) << name;
    }
    expect_clean();
}

TEST_F(CompressionTest, LeavesWhatWouldGainTooLittle) {
    keep("random", random_text(k_mib, 1));
    keep("empty", "");
    keep("tiny", "tiny tiny tiny");
    keep("a block", std::string(4096, 'x'));
    // A twentieth of it can go.
    keep("almost random", random_text(k_mib, 2) + std::string(k_mib / 19, '\0'));
    const auto before = tree();
    const auto planned = compress({}, DryRun::yes);
    EXPECT_EQ(left_of(planned),
              "a block: gain\nalmost random: gain\nempty: gain\nrandom: gain\ntiny: gain\n");
    EXPECT_EQ(left_of(compress()), left_of(planned));
    EXPECT_EQ(tree(), before);
    keep("enough", random_text(k_mib, 2) + std::string(k_mib / 8, '\0'));
    EXPECT_EQ(done_of(compress()), "enough");
}

TEST_F(CompressionTest, TheDryRunSaysWhatTheRealOneDoes) {
    keep("floats", halves_as_floats(6 * k_mib, 1));
    keep("text", content_of("text", 1, 300'000));
    keep("random", random_text(k_mib, 1));
    must_publish(files("files", {{"a", "A"}}));
    const auto before = tree();
    const auto planned = compress({}, DryRun::yes);
    EXPECT_EQ(tree(), before);
    const auto done = compress();
    EXPECT_EQ(done_of(planned), "floats text");
    EXPECT_EQ(done_of(done), done_of(planned));
    EXPECT_EQ(left_of(done), "files: encoding\nrandom: gain\n");
    EXPECT_EQ(left_of(planned), left_of(done));
    EXPECT_EQ(planned.before_bytes, done.before_bytes);
    EXPECT_NEAR(static_cast<double>(planned.after_bytes), static_cast<double>(done.after_bytes),
                static_cast<double>(done.before_bytes) / 20);
    EXPECT_EQ(left_of(compress()),
              "files: encoding\nfloats: encoding\nrandom: gain\n"
              "text: encoding\n");

    const auto compressed = tree();
    const auto undoing = decompress({"floats", "random"}, DryRun::yes);
    EXPECT_EQ(tree(), compressed);
    const auto undone = decompress({"floats", "random"});
    EXPECT_EQ(done_of(undoing), "floats");
    EXPECT_EQ(left_of(undoing), "random: encoding\n");
    EXPECT_EQ(done_of(undone), done_of(undoing));
    EXPECT_EQ(undone.before_bytes, undoing.before_bytes);
    EXPECT_EQ(undone.after_bytes, undoing.after_bytes);
}

// The description of an entry, and the time of its last use, do not change.
TEST_F(CompressionTest, ChangesNothingElseOfAnEntry) {
    auto publication = blob("x", 1, 200'000);
    publication.manifest.created_at_ns = 1'700'000'000'000'000'000;
    publication.manifest.compile_ms = 4711;
    publication.manifest.requirements = "avx2";
    publication.manifest.model = {"/models/x.xml", "ir", {}};
    const auto before = must_publish(publication);
    const auto path = path_of(before.key);
    const auto used = stdfs::file_time_type::clock::now() - std::chrono::hours(24 * 40);
    stdfs::last_write_time(path, used);
    ASSERT_TRUE(store_->pin(before.key));
    ASSERT_EQ(compress().done.size(), 1U);
    auto after = manifest_of("x");
    EXPECT_EQ(stdfs::last_write_time(path), used);
    EXPECT_TRUE(store_->pinned()->contains(before.key));
    after.encoding = before.encoding;
    after.parts = before.parts;
    after.blob_bytes = before.blob_bytes;
    EXPECT_EQ(after, before);
    ASSERT_EQ(decompress({"x"}).done.size(), 1U);
    EXPECT_EQ(manifest_of("x"), before);
    EXPECT_EQ(stdfs::last_write_time(path), used);
    // A hit leaves it compressed, and records the use.
    ASSERT_EQ(compress().done.size(), 1U);
    store_->mark_used(before.key);
    EXPECT_TRUE(content("x") == content_of("x", 1, 200'000));
    EXPECT_EQ(encoding_of("x"), Encoding::compressed);
    EXPECT_GT(stdfs::last_write_time(path), used + std::chrono::hours(24));
}

TEST_F(CompressionTest, TakesWhatNobodyAskedForInAWhile) {
    for (const auto* const name : {"old", "older", "new"}) must_publish(blob(name, 1, 50'000));
    const auto age = [&](const std::string& name, int days) {
        stdfs::last_write_time(path_of(key_of(name)),
                               stdfs::file_time_type::clock::now() - std::chrono::hours(24 * days));
    };
    age("old", 40);
    age("older", 50);
    CompressRules rules = only({"old", "new"});
    rules.older_than = std::chrono::hours(24 * 30);
    EXPECT_EQ(done_of(compress(rules, DryRun::yes)), "old");
    rules.keys.reset();
    EXPECT_EQ(done_of(compress(rules)), "old older");
    EXPECT_EQ(encoding_of("new"), Encoding::raw);
    EXPECT_EQ(store_->compress(only({"nobody"})).error().code, Errc::not_found);
    const auto nobody = key_of("nobody");
    EXPECT_EQ(store_->decompress({&nobody, 1}).error().code, Errc::not_found);
}

TEST_F(CompressionTest, LeavesWhatOthersReferTo) {
    const auto common = halves_as_floats(2 * k_mib, 1);
    const auto member = [&](const std::string& name, std::uint64_t seed) {
        return must_publish(member_of_family(*store_, name, common, seed));
    };
    member("base", 1);
    ASSERT_EQ(member("other", 2).encoding, Encoding::referring);
    const auto before = tree();
    EXPECT_EQ(left_of(compress()), "base: base\nother: encoding\n");
    EXPECT_EQ(tree(), before);
    // Nobody refers to it any more.
    ASSERT_TRUE(store_->remove(std::vector{key_of("other")}));
    EXPECT_EQ(done_of(compress()), "base");
    EXPECT_EQ(member("other", 2).encoding, Encoding::raw) << "nobody refers to compressed bytes";
    EXPECT_TRUE(content("base") == blob_of_family(common, 1));
}

TEST_F(CompressionTest, EntriesWithTheSameBytesAreCompressedTogether) {
    const auto bytes = content_of("same", 1, 200'000);
    for (const auto* const name : {"a", "b", "c"}) keep(name, bytes);
    EXPECT_EQ(left_of(compress(only({"a", "b"}))), "a: shared\nb: shared\n");
    const auto planned = compress({}, DryRun::yes);
    const auto report = compress();
    EXPECT_EQ(done_of(report), "a b c");
    EXPECT_EQ(report.before_bytes, planned.before_bytes);
    EXPECT_LT(report.before_bytes, 2 * bytes.size()) << "counted once";
    EXPECT_EQ(manifest_of("a").parts, manifest_of("c").parts);
    expect_clean();
    EXPECT_EQ(store_->totals()->objects, 1U);
    // Only "b" is decompressed; the other entries stay compressed.
    ASSERT_EQ(decompress({"b"}).done.size(), 1U);
    EXPECT_EQ(encoding_of("a"), Encoding::compressed);
    for (const auto* const name : {"a", "b", "c"}) EXPECT_TRUE(content(name) == bytes);
    expect_clean();
    EXPECT_EQ(done_of(compress()), "b");
    EXPECT_EQ(store_->totals()->objects, 1U);
    expect_clean();
}

// Each byte of the header and the table, and many of the frames.
TEST_F(CompressionTest, DamageIsFoundAndSetAside) {
    const auto bytes = small_of_three_frames();
    keep("x", bytes);
    ASSERT_EQ(compress().done.size(), 1U);
    const auto object = manifest_of("x").own_part();
    const auto whole = support::read_file(path_of(object.object));
    const auto entry = support::read_file(path_of(key_of("x")));
    const auto table_bytes = format::compressed_table_bytes(3);
    for (std::size_t at = 0; at < whole.size(); at += at < table_bytes ? 1 : 999) {
        SCOPED_TRACE(at);
        stdfs::remove_all(larder() + "/quarantine");
        auto damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        stdfs::remove(path_of(object.object));
        support::write_file(path_of(object.object), damaged);
        support::write_file(path_of(key_of("x")), entry);
        const auto opened = store_->open_blob(manifest_of("x"), Verify::once);
        ASSERT_FALSE(opened);
        ASSERT_EQ(opened.error().code, Errc::damaged);
        ASSERT_TRUE(content("x") == "no entry");
        ASSERT_NE(quarantine().find(object.object.hex()), std::string::npos);
    }
    keep("x", bytes);
    EXPECT_TRUE(content("x") == bytes);
    EXPECT_EQ(encoding_of("x"), Encoding::raw);
}

// If the bytes are not verified, no access may go beyond the object, which is not small: small ones
// are always verified.
TEST_F(CompressionTest, WithoutAProofNothingIsReadBeyondTheObject) {
    const auto bytes = random_text(k_mib + 200'000, 1) + std::string(8 * k_mib, '\0');
    keep("x", bytes);
    ASSERT_EQ(compress().done.size(), 1U);
    const auto object = manifest_of("x").own_part();
    const auto whole = support::read_file(path_of(object.object));
    const auto entry = support::read_file(path_of(key_of("x")));
    std::uint64_t refused = 0;
    for (std::size_t at = 0; at < format::compressed_table_bytes(3) + 200; ++at) {
        auto damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x11);
        stdfs::remove(path_of(object.object));
        support::write_file(path_of(object.object), damaged);
        support::write_file(path_of(key_of("x")), entry);
        const auto opened = store_->open_blob(manifest_of("x"), Verify::never);
        if (opened) {
            ASSERT_EQ(opened->bytes().size(), bytes.size());
            continue;
        }
        ++refused;
        const bool newer = opened.error().code == Errc::unsupported;
        ASSERT_EQ(newer, encoding_of("x") == Encoding::compressed) << opened.error().message();
    }
    EXPECT_GT(refused, 50U);
    stdfs::remove(path_of(object.object));
    support::write_file(path_of(object.object), whole.substr(0, whole.size() / 2));
    support::write_file(path_of(key_of("x")), entry);
    EXPECT_EQ(store_->open_blob(manifest_of("x"), Verify::never).error().code, Errc::damaged);
}

TEST_F(CompressionTest, ADamagedBlobIsSetAsideAndNotCompressed) {
    const auto manifest = must_publish(blob("x", 1, 100'000));
    support::flip_byte(path_of(manifest.parts[0].object), 50'000);
    const auto report = store_->compress({});
    ASSERT_TRUE(report);
    EXPECT_EQ(left_of(*report), "x: failed\n");
    EXPECT_EQ(report->left.front().error->code, Errc::damaged);
    EXPECT_TRUE(content("x") == "no entry");
    EXPECT_NE(quarantine().find(manifest.parts[0].object.hex()), std::string::npos);
    EXPECT_EQ(tmp(), "");
}

TEST_F(CompressionTest, IsProvenAsItsObjectIs) {
    keep("x", halves_as_floats(6 * k_mib, 1));
    ASSERT_EQ(compress().done.size(), 1U);
    ASSERT_GE(manifest_of("x").own_part().bytes, k_small_object_bytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto proof = [&](Verify policy) {
        return store_->open_blob(manifest_of("x"), policy)->proof;
    };
    EXPECT_EQ(proof(Verify::never), Proof::none);
    EXPECT_EQ(proof(Verify::once), Proof::read);
    EXPECT_EQ(proof(Verify::once), Proof::remembered);
    EXPECT_EQ(proof(Verify::always), Proof::read);
    const auto all = [] { return Continue::yes; };
    const auto part = manifest_of("x").own_part();
    EXPECT_EQ(*store_->read_ahead(part.object, ~std::uint64_t{0}, all), part.bytes);
}

TEST_F(CompressionTest, WhatIsMappedGoesOnWorking) {
    const auto bytes = halves_as_floats(5 * k_mib, 1);
    keep("x", bytes);
    const auto whole = store_->open_blob(manifest_of("x"), Verify::once);
    ASSERT_EQ(compress().done.size(), 1U);
    whole->mapping->drop_resident();
    EXPECT_TRUE(text_of(*whole) == bytes);
    const auto compressed = store_->open_blob(manifest_of("x"), Verify::once);
    EXPECT_TRUE(compressed->ranges.empty()) << "there is nothing to read ahead";
    ASSERT_TRUE(store_->remove(std::vector{key_of("x")}));
    compressed->mapping->drop_resident();
    EXPECT_TRUE(text_of(*compressed) == bytes);
}

TEST_F(CompressionTest, NeedsALarderThatItMayWriteTo) {
    keep("x", content_of("x", 1, 100'000));
    const auto before = tree();
    store_.reset();
    auto opened = machine_.open({.directory = larder(), .access = Access::read_only});
    ASSERT_TRUE(opened);
    store_ = std::move(*opened);
    EXPECT_EQ(store_->compress({}).error().code, Errc::read_only);
    EXPECT_EQ(done_of(compress({}, DryRun::yes)), "x");
    const auto key = key_of("x");
    EXPECT_EQ(store_->decompress({&key, 1}).error().code, Errc::read_only);
    EXPECT_EQ(tree(), before);
    store_ = machine_.must_open(larder());
    ASSERT_EQ(compress().done.size(), 1U);
    opened = machine_.open({.directory = larder(), .access = Access::read_only});
    const auto found = (*opened)->find(key);
    const auto object = (*opened)->open_blob(*found.manifest, Verify::always);
    EXPECT_TRUE(text_of(*object) == content_of("x", 1, 100'000));
}

TEST_F(CompressionTest, NothingIsDoneWhileAnEntryMayUseAnything) {
    keep("x", content_of("x", 1, 100'000));
    keep("newer", "x");
    auto body = *format::unseal_json(support::read_file(path_of(key_of("newer"))), 1'000'000);
    body["format"] = 2;
    support::write_file(path_of(key_of("newer")), format::seal_json(body));
    const auto before = tree();
    const auto report = compress();
    EXPECT_TRUE(report.done.empty());
    EXPECT_EQ(report.held_back, path_of(key_of("newer")));
    EXPECT_EQ(tree(), before);
}

TEST_F(CompressionTest, EndsWhenItIsTold) {
    keep("large", halves_as_floats(12 * k_mib, 1));
    keep("small", content_of("small", 1, 100'000));
    // With one thread, few frames at a time.
    store_ = *machine_.open({.directory = larder(), .threads = 1});
    const auto report = store_->compress({}, DryRun::no, [](const Progress& progress) {
        EXPECT_EQ(progress.bytes_total, 12 * k_mib + 100'000);
        EXPECT_LT(progress.bytes_done, 12 * k_mib);
        return Continue::no;
    });
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->complete);
    EXPECT_TRUE(report->done.empty());
    EXPECT_EQ(encoding_of("large"), Encoding::raw);
    expect_clean();
    EXPECT_EQ(compress().done.size(), 2U);
}

}  // namespace
}  // namespace larder::internal::store
