// store/disk/administration.h: listing, checking and removing.
#include "store/disk/administration.h"

#include <algorithm>
#include <thread>

#include "format/sealed_json.h"
#include "harness.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

class AdministrationTest : public LarderTest {
protected:
    Result<Removal> remove(const std::vector<std::string>& names, DryRun dry_run = DryRun::no) {
        std::vector<Key> keys;
        for (const auto& name : names) keys.push_back(key_of(name));
        return store_->remove(keys, dry_run);
    }
    void make_newer(const std::string& name) {
        const auto path = path_of(key_of(name));
        auto body = *format::unseal_json(support::read_file(path), 1'000'000);
        body["format"] = 2;
        support::write_file(path, format::seal_json(body));
    }
};

TEST_F(AdministrationTest, ListsEveryEntryUntilToldToStop) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(publish(blob(std::to_string(i))));
    support::write_file(larder() + "/entries/stranger", "x");
    support::write_file(os::parent_directory(path_of(key_of("0"))) + "/stranger.json", "x");
    int seen = 0;
    ASSERT_TRUE(store_->for_each_entry([&](const ListedEntry& entry) {
        EXPECT_TRUE(entry.manifest);
        EXPECT_EQ(entry.path, path_of(entry.key));
        ++seen;
        return Continue::yes;
    }));
    EXPECT_EQ(seen, 20);
    ASSERT_TRUE(store_->for_each_entry([&](const ListedEntry&) {
        --seen;
        return Continue::no;
    }));
    EXPECT_EQ(seen, 19);
}

TEST_F(AdministrationTest, FindsKeysByTheirBeginning) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(publish(blob(std::to_string(i))));
    const auto all = store_->find_keys("");
    ASSERT_TRUE(all);
    EXPECT_EQ(all->size(), 20U);
    EXPECT_TRUE(std::is_sorted(all->begin(), all->end()));
    const auto key = key_of("7");
    for (const std::size_t length : {1U, 2U, 3U, 12U, 64U}) {
        const auto found = store_->find_keys(key.hex().substr(0, length));
        ASSERT_TRUE(found);
        EXPECT_NE(std::find(found->begin(), found->end(), key), found->end());
    }
    EXPECT_TRUE(store_->find_keys("0123456789")->empty());
    for (const auto& bad : std::vector<std::string>{"x", "AB", "../", std::string(65, 'a')}) {
        EXPECT_EQ(store_->find_keys(bad).error().code, Errc::invalid_argument) << bad;
    }
}

TEST_F(AdministrationTest, CountsWhatIsThere) {
    ASSERT_TRUE(publish(blob("x", 1, 10'000'000)));
    ASSERT_TRUE(publish(blob_of("y", "small")));
    const auto totals = store_->totals();
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->entries, 2U);
    EXPECT_EQ(totals->objects, 2U);
    EXPECT_EQ(totals->object_bytes, 10'000'005U);
    EXPECT_GE(totals->disk_bytes, totals->object_bytes);
    EXPECT_LT(totals->disk_bytes, totals->object_bytes + 100'000);
}

TEST_F(AdministrationTest, RemovesEntriesAndWhatOnlyTheyUsed) {
    for (const std::string name : {"x", "y", "z"}) ASSERT_TRUE(publish(blob(name)));
    ASSERT_TRUE(publish(blob_of("shares", content_of("x", 1, 5'000))));
    const auto dry = remove({"x", "y", "y"}, DryRun::yes);
    ASSERT_TRUE(dry);
    EXPECT_EQ(store_->totals()->entries, 4U);
    const auto removal = remove({"x", "y", "y"});
    ASSERT_TRUE(removal);
    for (const auto* each : {&*dry, &*removal}) {
        EXPECT_EQ(each->removed_entries, 2U);
        EXPECT_EQ(each->entries.size(), 2U);
        EXPECT_EQ(each->removed_objects, 1U);
        EXPECT_GT(each->freed_bytes, 5'000U);
    }
    EXPECT_EQ(dry->freed_bytes, removal->freed_bytes);
    const auto contents = read_larder(larder());
    EXPECT_TRUE(contents.missing.empty());
    EXPECT_TRUE(contents.unused.empty());
    EXPECT_EQ(contents.versions.count("z"), 1U);
    EXPECT_EQ(contents.versions.count("shares"), 1U);
}

TEST_F(AdministrationTest, RemovesNothingIfOneIsNotThere) {
    ASSERT_TRUE(publish(blob("x")));
    const auto before = tree();
    EXPECT_EQ(remove({"x", "none"}).error().code, Errc::not_found);
    EXPECT_EQ(tree(), before);
}

TEST_F(AdministrationTest, RemovesWhatItCannotRead) {
    ASSERT_TRUE(publish(blob("damaged")));
    ASSERT_TRUE(publish(blob("newer")));
    support::flip_byte(path_of(key_of("damaged")), 50);
    make_newer("newer");
    const auto removal = remove({"damaged", "newer"});
    ASSERT_TRUE(removal) << removal.error().message();
    EXPECT_EQ(removal->removed_entries, 2U);
    EXPECT_TRUE(removal->entries.empty());
    EXPECT_EQ(store_->totals()->entries, 0U);
    // Now no unknown entry uses an object.
    EXPECT_EQ(store_->prune({})->removal.removed_objects, 2U);
    EXPECT_EQ(store_->totals()->objects, 0U);
}

TEST_F(AdministrationTest, CollectsOnlyWhatNoEntryUses) {
    ASSERT_TRUE(publish(blob("x")));
    ASSERT_TRUE(publish(blob("y", 1, 5'000'000)));
    stdfs::remove(path_of(key_of("y")));
    support::write_file(larder() + "/objects/stranger", "x");
    EXPECT_EQ(store_->prune({}, DryRun::yes)->removal.removed_objects, 1U);
    EXPECT_EQ(store_->totals()->objects, 2U);
    const auto removal = store_->prune({});
    ASSERT_TRUE(removal);
    EXPECT_EQ(removal->removal.removed_objects, 1U);
    EXPECT_GE(removal->removal.freed_bytes, 5'000'000U);
    EXPECT_EQ(store_->totals()->objects, 1U);
    EXPECT_EQ(support::tree_of(larder() + "/objects").find(".chunks"), std::string::npos);
    EXPECT_TRUE(stdfs::exists(larder() + "/objects/stranger"));
    EXPECT_EQ(read_larder(larder()).versions.count("x"), 1U);
}

// It may use any of them.
TEST_F(AdministrationTest, KeepsEveryObjectWhileAnEntryIsNewer) {
    ASSERT_TRUE(publish(blob("x")));
    ASSERT_TRUE(publish(blob("newer")));
    make_newer("newer");
    EXPECT_EQ(store_->prune({})->removal.removed_objects, 0U);
    EXPECT_EQ(remove({"x"})->removed_objects, 0U);
    EXPECT_EQ(store_->totals()->entries, 1U);
    EXPECT_EQ(store_->totals()->objects, 2U);
}

TEST_F(AdministrationTest, AReadOnlyLarderIsNotChanged) {
    ASSERT_TRUE(publish(blob("x")));
    const auto before = tree();
    const auto store = machine_.open({.directory = larder(), .access = Access::read_only});
    const auto key = key_of("x");
    EXPECT_EQ((*store)->remove({&key, 1}).error().code, Errc::read_only);
    EXPECT_EQ((*store)->prune({}).error().code, Errc::read_only);
    EXPECT_EQ((*store)->remove({&key, 1}, DryRun::yes)->removed_entries, 1U);
    EXPECT_EQ(tree(), before);
}

class VerifyTest : public AdministrationTest {};

TEST_F(VerifyTest, FindsEveryKindOfDamageAndSetsItAside) {
    for (const std::string name : {"good", "entry", "object", "size", "missing", "newer"}) {
        ASSERT_TRUE(publish(blob(name)));
    }
    const auto object = [&](const std::string& name) {
        return path_of(store_->find(key_of(name)).manifest->parts[0].object);
    };
    support::flip_byte(object("object"), 1);
    stdfs::resize_file(object("size"), 1);
    stdfs::remove(object("missing"));
    support::flip_byte(path_of(key_of("entry")), 50);
    make_newer("newer");
    const auto report = store_->verify({});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->entries, 6U);
    // "good", and the objects of damaged or newer entries.
    EXPECT_EQ(report->objects, 3U);
    EXPECT_EQ(report->bytes, 15'000U);
    std::map<Key, Damage> findings;
    for (const auto& finding : report->findings) findings[*finding.key] = finding.damage;
    const std::map<Key, Damage> expected = {{key_of("entry"), Damage::damaged},
                                            {key_of("object"), Damage::damaged},
                                            {key_of("size"), Damage::damaged},
                                            {key_of("missing"), Damage::damaged},
                                            {key_of("newer"), Damage::untrusted}};
    EXPECT_EQ(findings, expected);
    EXPECT_TRUE(store_->find(key_of("good")).manifest);
    EXPECT_FALSE(store_->find(key_of("object")).manifest);
    EXPECT_FALSE(store_->find(key_of("entry")).manifest);
    // These remain: the entry without an object, and the newer one.
    EXPECT_EQ(store_->verify({})->findings.size(), 2U);
}

TEST_F(VerifyTest, ChecksOnlyWhatItIsGiven) {
    ASSERT_TRUE(publish(blob("x")));
    ASSERT_TRUE(publish(blob("y")));
    support::flip_byte(path_of(store_->find(key_of("y")).manifest->parts[0].object), 1);
    const auto x = key_of("x");
    const auto report = store_->verify({&x, 1});
    EXPECT_EQ(report->entries, 1U);
    EXPECT_TRUE(report->findings.empty());
    const auto none = key_of("none");
    EXPECT_EQ(store_->verify({&none, 1}).error().code, Errc::not_found);
}

TEST_F(VerifyTest, ReadsASharedObjectOnceAndUnusedOnesToo) {
    ASSERT_TRUE(publish(blob_of("x", "same")));
    ASSERT_TRUE(publish(blob_of("y", "same")));
    ASSERT_TRUE(publish(blob("z")));
    stdfs::remove(path_of(key_of("z")));
    const auto report = store_->verify({});
    EXPECT_EQ(report->objects, 2U);
    EXPECT_EQ(report->bytes, 5'004U);
}

TEST_F(VerifyTest, TellsItsProgressAndCanBeStopped) {
    ASSERT_TRUE(publish(blob("x", 1, 40'000'000)));
    std::uint64_t last = 0;
    const auto caller = std::this_thread::get_id();
    const auto report = store_->verify({}, [&](const Progress& progress) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        EXPECT_GT(progress.bytes_done, last);
        EXPECT_EQ(progress.bytes_total, 40'000'000U);
        last = progress.bytes_done;
        return Continue::yes;
    });
    EXPECT_GT(last, 0U);
    EXPECT_EQ(report->bytes, 40'000'000U);
    const auto stopped = store_->verify({}, [](const Progress&) { return Continue::no; });
    ASSERT_TRUE(stopped);
    EXPECT_TRUE(stopped->findings.empty()) << "not a fault of the object";
    EXPECT_EQ(stopped->objects, 0U);
    EXPECT_TRUE(store_->find(key_of("x")).manifest);
}

TEST_F(VerifyTest, OfAReadOnlyLarderOnlyReports) {
    const auto manifest = *publish(blob("x"));
    support::flip_byte(path_of(manifest.parts[0].object), 1);
    const auto before = tree();
    const auto store = machine_.open({.directory = larder(), .access = Access::read_only});
    EXPECT_EQ((*store)->verify({})->findings.size(), 1U);
    EXPECT_EQ(tree(), before);
}

}  // namespace
}  // namespace larder::internal::store
