// store/publish/publish.h: adding and replacing entries.
#include "store/publish/publish.h"

#include <chrono>
#include <thread>

#include <sys/stat.h>

#include "harness.h"
#include "store/disk/layout.h"

namespace larder::internal::store {
namespace {

class PublishTest : public LarderTest {
protected:
    std::string content(const Key& key, std::size_t part = 0) {
        const auto found = store_->find(key);
        if (!found.manifest) return "no entry";
        const auto object =
            store_->open_object(key, found.manifest->parts.at(part), Verify::always);
        return object ? text_of(*object) : object.error().message();
    }
};

TEST_F(PublishTest, WhatIsPublishedIsFound) {
    EXPECT_FALSE(store_->find(key_of("x")).manifest);
    EXPECT_FALSE(store_->find(key_of("x")).fault);
    auto publication = blob("x");
    publication.manifest.device = "CPU";
    publication.manifest.model = {"/m.xml", "ir", {{"xml", hash_bytes({}), 7}}};
    publication.manifest.compile_ms = 12;
    const auto published = publish(publication);
    ASSERT_TRUE(published) << published.error().message();
    EXPECT_EQ(published->key, key_of("x"));
    const auto found = store_->find(key_of("x"));
    ASSERT_TRUE(found.manifest);
    EXPECT_EQ(*found.manifest, *published);
    EXPECT_EQ(found.manifest->device, "CPU");
    EXPECT_EQ(content(key_of("x")), content_of("x", 1, 5'000));
    EXPECT_EQ(tmp(), "");
}

TEST_F(PublishTest, ObjectsAreNamedByTheirContentAndReadOnly) {
    const auto manifest = publish(blob_of("x", "hello"));
    const auto text = std::string("hello");
    const auto digest = hash_chunked(std::as_bytes(std::span(text)));
    EXPECT_EQ(manifest->parts[0].object, digest);
    EXPECT_EQ(support::read_file(path_of(digest)), "hello");
    struct stat status{};
    ASSERT_EQ(::stat(path_of(digest).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0444U);
    EXPECT_EQ(support::tree_of(larder() + "/objects"),
              digest.hex().substr(0, 2) + "/" + digest.hex() + "\n");
}

TEST_F(PublishTest, EmptyAndManyChunkedContentIsKept) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{k_chunk_size_bytes},
                                   std::size_t{k_chunk_size_bytes + 1}, std::size_t{17'000'000}}) {
        const auto name = "x" + std::to_string(size);
        const auto manifest = publish(blob(name, 1, size));
        ASSERT_TRUE(manifest) << size;
        EXPECT_EQ(content(key_of(name)), content_of(name, 1, size));
        EXPECT_EQ(std::filesystem::exists(path_of(manifest->parts[0].object) + ".chunks"),
                  size > k_chunk_size_bytes);
    }
}

TEST_F(PublishTest, WritesComeInAnyOrderAndGapsAreZeros) {
    Publication publication;
    publication.manifest.key_inputs = {{"name", "x"}};
    publication.sources.push_back({"", [](StagedFile& file) -> Result<void> {
                                       const std::string late = "late";
                                       const std::string early = "early";
                                       auto done = file.write_at(8, std::as_bytes(std::span(late)));
                                       if (!done) return done;
                                       return file.write_at(0, std::as_bytes(std::span(early)));
                                   }});
    ASSERT_TRUE(publish(publication));
    EXPECT_EQ(content(key_of("x")), std::string("early\0\0\0late", 12));
}

TEST_F(PublishTest, TheSameContentIsKeptOnce) {
    ASSERT_TRUE(publish(blob_of("x", "same")));
    ASSERT_TRUE(publish(blob_of("y", "same")));
    EXPECT_EQ(store_->totals()->entries, 2U);
    EXPECT_EQ(store_->totals()->objects, 1U);
    EXPECT_EQ(store_->totals()->object_bytes, 4U);
    const auto y = key_of("y");
    ASSERT_TRUE(store_->remove({&y, 1}));
    EXPECT_EQ(content(key_of("x")), "same");
}

TEST_F(PublishTest, ReplacingRemovesWhatOnlyTheOldEntryUsed) {
    ASSERT_TRUE(publish(blob_of("x", "old")));
    ASSERT_TRUE(publish(blob_of("shared", "shared")));
    ASSERT_TRUE(publish(blob_of("y", "shared")));
    ASSERT_TRUE(publish(blob_of("x", "new")));
    ASSERT_TRUE(publish(blob_of("y", "of its own")));
    EXPECT_EQ(content(key_of("x")), "new");
    EXPECT_EQ(content(key_of("shared")), "shared");
    EXPECT_EQ(store_->totals()->objects, 3U);
    EXPECT_TRUE(read_larder(larder()).unused.empty());
}

TEST_F(PublishTest, ReplacesAnObjectThatWasDamaged) {
    const auto manifest = publish(blob_of("x", "whole"));
    support::flip_byte(path_of(manifest->parts[0].object), 2);
    ASSERT_TRUE(publish(blob_of("y", "whole")));
    EXPECT_EQ(content(key_of("x")), "whole");
}

TEST_F(PublishTest, AnErrorOfTheSourceEndsItAndLeavesNothing) {
    ASSERT_TRUE(publish(blob_of("x", "before")));
    const auto before = tree();
    auto publication = blob_of("x", "after");
    publication.sources[0].write = [](StagedFile& file) -> Result<void> {
        const std::string part = "a part";
        static_cast<void>(file.write_at(0, std::as_bytes(std::span(part))));
        return fail(Errc::incompatible, "the device went away");
    };
    const auto published = publish(publication);
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, Errc::incompatible);
    EXPECT_EQ(tree(), before);
    EXPECT_EQ(content(key_of("x")), "before");
}

TEST_F(PublishTest, WrittenSourceIsPublishedWithoutAnotherCall) {
    auto publication = blob_of("x", "hello");
    auto& source = publication.sources[0];
    auto written = store_->write(source);
    ASSERT_TRUE(written) << written.error().message();
    EXPECT_EQ((*written)->bytes(), 5U);
    EXPECT_EQ(content(key_of("x")), "no entry");
    source.written = std::move(*written);
    source.write = [](StagedFile&) -> Result<void> { return fail(Errc::io, "called again"); };
    ASSERT_TRUE(publish(publication));
    EXPECT_EQ(content(key_of("x")), "hello");
    EXPECT_EQ(tmp(), "");
    // It is taken by then.
    const auto again = publish(publication);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::io);
    EXPECT_EQ(content(key_of("x")), "hello");
}

TEST_F(PublishTest, WrittenSourceThatIsNotPublishedLeavesNothing) {
    const auto before = tree();
    {
        ASSERT_TRUE(store_->write(blob_of("x", "hello").sources[0]));
    }
    EXPECT_EQ(tree(), before);
}

TEST_F(PublishTest, WhatCannotBeDescribedIsRefusedAndLeavesNothing) {
    const auto before = tree();
    auto publication = blob("x");
    publication.manifest.notes["\xff"] = "no UTF-8";
    EXPECT_EQ(publish(publication).error().code, Errc::invalid_argument);
    publication = blob("x");
    publication.sources.push_back(source_of("", "a second blob"));
    EXPECT_EQ(publish(publication).error().code, Errc::invalid_argument);
    EXPECT_EQ(publish(files("x", {{"../escape", "x"}})).error().code, Errc::invalid_argument);
    EXPECT_EQ(publish(files("x", {})).error().code, Errc::invalid_argument);
    EXPECT_EQ(tree(), before);
}

TEST_F(PublishTest, KeepsPartsThatAreThereAlready) {
    const auto old = publish(files("set", {{"a", "A"}, {"b", "B"}}));
    ASSERT_TRUE(old);
    auto publication = files("set", {{"c", "C"}});
    publication.kept = {old->parts[1]};
    const auto now = publish(publication);
    ASSERT_TRUE(now) << now.error().message();
    ASSERT_EQ(now->parts.size(), 2U);
    EXPECT_EQ(now->parts[0], old->parts[1]);
    EXPECT_EQ(now->parts[1].name, "c");
    EXPECT_EQ(store_->totals()->objects, 2U);

    publication.kept = {{"gone", hash_bytes({}), 0}};
    const auto before = tree();
    EXPECT_EQ(publish(publication).error().code, Errc::not_found);
    publication.kept = {old->parts[1]};
    publication.kept[0].bytes = 17;
    EXPECT_EQ(publish(publication).error().code, Errc::damaged);
    EXPECT_EQ(tree(), before);
}

TEST_F(PublishTest, MakesAnewWhatSomebodyRemovedMeanwhile) {
    for (const auto* const name : {"tmp", "objects", "entries", "locks", "quarantine", ""}) {
        std::filesystem::remove_all(larder() + "/" + name);
        ASSERT_TRUE(publish(blob("x"))) << name;
        EXPECT_EQ(content(key_of("x")), content_of("x", 1, 5'000));
        ASSERT_TRUE(store_->compile_lock(key_of("x"), std::chrono::seconds(0))) << name;
    }
    EXPECT_EQ(read_larder(larder()).damage, "");
}

TEST_F(PublishTest, NoReaderSeesAPart) {
    ASSERT_TRUE(publish(blob("x", 0, 300'000)));
    std::atomic<bool> done{false};
    std::atomic<int> reads{0};
    std::thread reader([&] {
        while (!done) {
            const auto found = store_->find(key_of("x"));
            ASSERT_TRUE(found.manifest);
            const auto object =
                store_->open_object(found.manifest->key, found.manifest->parts[0], Verify::always);
            // Replaced since it was found.
            ASSERT_TRUE(object || object.error().code == Errc::not_found);
            ++reads;
        }
    });
    for (int version = 1; version < 50; ++version) {
        EXPECT_TRUE(publish(blob("x", version, 300'000)));
    }
    while (reads < 5) std::this_thread::yield();
    done = true;
    reader.join();
    EXPECT_EQ(read_larder(larder()).versions.at("x"), 49);
    EXPECT_EQ(quarantine(), "");
}

TEST_F(PublishTest, ManyThreadsAndHandlesPublishAtOnce) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread) {
        threads.emplace_back([&, thread] {
            const auto own = machine_.must_open(larder());
            for (int i = 0; i < 20; ++i) {
                EXPECT_TRUE(own->publish(blob("own-" + std::to_string(thread), i)));
                EXPECT_TRUE(store_->publish(blob("shared", i)));
            }
        });
    }
    for (auto& thread : threads) thread.join();
    const auto contents = read_larder(larder());
    EXPECT_EQ(contents.damage, "");
    EXPECT_TRUE(contents.missing.empty());
    EXPECT_EQ(contents.versions.size(), 9U);
    EXPECT_EQ(tmp(), "");
    // Garbage that could not be removed in time is found later.
    ASSERT_TRUE(store_->prune({}));
    EXPECT_TRUE(read_larder(larder()).unused.empty());
}

}  // namespace
}  // namespace larder::internal::store
