// The same content has the same fingerprint, in every place and layout on disk; other content has
// another fingerprint, after every kind of change.
#include "model/fingerprint.h"

#include <filesystem>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "model_files/gguf_writer.h"
#include "model_files/onnx_writer.h"
#include "support/mapped_memory.h"
#include "support/unable.h"
#include "workshop.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;
namespace stdfs = std::filesystem;

Digest digest_of(const std::string& content) {
    return hash_chunked(std::as_bytes(std::span(content)));
}

class FingerprintTest : public ModelTest {
protected:
    // Returns the path to name.
    std::string write_sample(const Sample& sample, const std::string& directory) const {
        for (const auto& [name, content] : sample.files) write(os::join(directory, name), content);
        return path(os::join(directory, sample.named));
    }

    // Changes one byte, and then restores size and mtime.
    void change_unseen(const std::string& changed, std::size_t offset) {
        struct stat before{};
        ASSERT_EQ(::stat(changed.c_str(), &before), 0);
        wait_for_tick(changed);
        support::flip_byte(changed, offset);
        const timespec times[] = {before.st_atim, before.st_mtim};
        ASSERT_EQ(::utimensat(AT_FDCWD, changed.c_str(), times, 0), 0);
    }
};

TEST_F(FingerprintTest, IsAnotherForEachModel) {
    std::set<std::string> prints;
    int number = 0;
    for (const auto& sample : samples()) {
        prints.insert(hex(write_sample(sample, std::to_string(number++))));
    }
    EXPECT_EQ(prints.size(), samples().size());
}

TEST_F(FingerprintTest, IsTheSameForATouchedMovedOrCopiedModel) {
    for (const auto& sample : samples()) {
        stdfs::remove_all(path("a"));
        stdfs::remove_all(path("b"));
        stdfs::remove_all(path("c"));
        const auto before = hex(write_sample(sample, "a"));
        for (const auto& [name, content] : sample.files) {
            stdfs::last_write_time(path("a/" + name), stdfs::file_time_type::clock::now());
        }
        EXPECT_EQ(hex(path("a/" + sample.named)), before) << sample.named;
        stdfs::copy(path("a"), path("b"), stdfs::copy_options::recursive);
        EXPECT_EQ(hex(path("b/" + sample.named)), before) << sample.named;
        stdfs::rename(path("a"), path("c"));
        EXPECT_EQ(hex(path("c/" + sample.named)), before) << sample.named;
    }
}

TEST_F(FingerprintTest, IsTheSameForARenamedModel) {
    write("a.xml", ir_xml());
    write("a.bin", "weights");
    const auto ir = hex(path("a.xml"));
    stdfs::rename(path("a.xml"), path("b.xml"));
    stdfs::rename(path("a.bin"), path("b.bin"));
    EXPECT_EQ(hex(path("b.xml")), ir);

    const auto onnx = hex(write("a.onnx", files::onnx_model(files::graph({}))));
    stdfs::rename(path("a.onnx"), path("b.onnx"));
    EXPECT_EQ(hex(path("b.onnx")), onnx);

    for (std::uint16_t i = 0; i < 2; ++i) {
        write("a-0000" + std::to_string(i + 1) + "-of-00002.gguf", files::gguf_shard(i, 2).bytes());
    }
    const auto gguf = hex(path("a-00001-of-00002.gguf"));
    EXPECT_EQ(hex(path("a-00002-of-00002.gguf")), gguf);
    stdfs::rename(path("a-00001-of-00002.gguf"), path("b-00001-of-00002.gguf"));
    stdfs::rename(path("a-00002-of-00002.gguf"), path("b-00002-of-00002.gguf"));
    EXPECT_EQ(hex(path("b-00001-of-00002.gguf")), gguf);
}

TEST_F(FingerprintTest, IsAnotherAfterOneByteOfAnyFileChanged) {
    int number = 0;
    for (const auto& sample : samples()) {
        for (const auto& [name, content] : sample.files) {
            const auto directory = std::to_string(number++);
            const auto model = write_sample(sample, directory);
            const auto before = print(model);
            ASSERT_TRUE(before) << before.error().message();
            const auto changed = path(os::join(directory, name));
            // The last byte belongs to no table, so that the file stays a model.
            change_unseen(changed, content.size() - 1);
            const auto after = print(model);
            ASSERT_TRUE(after) << changed << ": " << after.error().message();
            EXPECT_NE(after->fingerprint, before->fingerprint) << changed;
        }
    }
}

TEST_F(FingerprintTest, SeesExternalDataThatGrowsOrSwapsPlaces) {
    const auto model =
        write("m.onnx", files::onnx_model(files::graph(
                            {files::external_tensor({"a"}), files::external_tensor({"b"})})));
    write("a", "first");
    write("b", "second");
    const auto before = hex(model);
    write("a", "first+");
    EXPECT_NE(hex(model), before);
    write("a", "second");
    write("b", "first");
    EXPECT_NE(hex(model), before);
    write("a", "first");
    write("b", "second");
    EXPECT_EQ(hex(model), before);
}

TEST_F(FingerprintTest, SeesAFileThatComesOrGoes) {
    const auto model = write("m.pdmodel", "x");
    const auto before = hex(model);
    write("m.pdiparams", "");
    EXPECT_NE(hex(model), before);
}

TEST_F(FingerprintTest, HashesFilesOfSeveralChunks) {
    write("m.xml", ir_xml());
    const std::string weights(2 * k_chunk_size_bytes + 5, 'w');
    write("m.bin", weights);
    const auto found = print(path("m.xml"));
    ASSERT_TRUE(found);
    ASSERT_EQ(found->files.size(), 2U);
    EXPECT_EQ(found->files[1].digest, digest_of(weights));
    EXPECT_EQ(found->files[0].digest, digest_of(ir_xml()));
    EXPECT_EQ(found->hashed_bytes, weights.size() + ir_xml().size());
    support::flip_byte(path("m.bin"), k_chunk_size_bytes);
    EXPECT_NE(hex(path("m.xml")), found->fingerprint.hex());
}

TEST_F(FingerprintTest, HashesEmptyFilesAmongOthers) {
    for (const std::string name : {"a", "b", "c"}) write("s/assets/" + name, "");
    write("s/saved_model.pb", "graph");
    write("s/variables/v", "values");
    const auto found = print(path("s"));
    ASSERT_TRUE(found) << found.error().message();
    for (const auto& file : found->files) {
        EXPECT_EQ(file.digest, digest_of(support::read_file(file.path)));
    }
}

TEST_F(FingerprintTest, OfAnUnchangedModelReadsNothing) {
    int number = 0;
    for (const auto& sample : samples()) {
        const auto model = write_sample(sample, std::to_string(number++));
        settle();
        const auto first = print(model);
        ASSERT_TRUE(first) << first.error().message();
        EXPECT_GT(first->hashed_bytes, 0U);
        fs_.reads = 0;
        const auto second = print(model);
        ASSERT_TRUE(second) << second.error().message();
        EXPECT_EQ(second->hashed_bytes, 0U);
        EXPECT_EQ(fs_.reads, 0) << sample.named;
        EXPECT_EQ(second->fingerprint, first->fingerprint);
    }
}

TEST_F(FingerprintTest, HashesOnlyTheFilesThatChanged) {
    write("m.xml", ir_xml());
    write("m.bin", "weights");
    ASSERT_TRUE(print(path("m.xml")));
    wait_for_tick(path("m.bin"));
    write("m.bin", "others");
    settle();
    EXPECT_EQ(print(path("m.xml"))->hashed_bytes, 6U);
}

TEST_F(FingerprintTest, HashesAFileOfTwoNamesOnce) {
    const auto model =
        write("m.onnx", files::onnx_model(files::graph(
                            {files::external_tensor({"w"}), files::external_tensor({"./w"})})));
    write("w", "weights");
    EXPECT_EQ(print(model)->hashed_bytes, support::read_file(model).size() + 7);
}

TEST_F(FingerprintTest, RemembersNothingOfAFileThatMayStillChangeUnseen) {
    const auto model = write("m.pb", "graph");
    unsettle();
    const auto found = print(model);
    ASSERT_TRUE(found);
    EXPECT_EQ(memory_.size(), 0U);
    EXPECT_EQ(found->files.front().settled, Settled::no);
    EXPECT_EQ(print(model)->hashed_bytes, 5U);
    settle();
    EXPECT_EQ(print(model)->files.front().settled, Settled::yes);
    EXPECT_EQ(print(model)->hashed_bytes, 0U);
}

TEST_F(FingerprintTest, HashesAModelThatChangesMeanwhileAgain) {
    write("m.xml", ir_xml());
    write("m.bin", "weights");
    bool changed = false;
    fs_.on_call = [&](const support::Call& call) {
        if (call.operation != support::Operation::read || changed) return;
        if (call.path != path("m.bin")) return;
        changed = true;
        support::write_file(path("m.bin"), "shorter");
        support::write_file(path("m.bin"), "new");
    };
    const auto found = print(path("m.xml"));
    fs_.on_call = {};
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_TRUE(changed);
    EXPECT_EQ(found->fingerprint.hex(), hex(path("m.xml")));
    EXPECT_EQ(found->files[1].stamp.size_bytes, 3U);
}

TEST_F(FingerprintTest, HashesAModelThatIsReplacedMeanwhileAgain) {
    const auto model = write("m.pb", "graph");
    write("new", "other");
    bool replaced = false;
    fs_.on_call = [&](const support::Call& call) {
        if (call.operation != support::Operation::read || replaced) return;
        replaced = true;
        stdfs::rename(path("new"), model);
    };
    const auto found = print(model);
    fs_.on_call = {};
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->fingerprint.hex(), hex(model));
}

TEST_F(FingerprintTest, GivesUpOnAModelThatNeverRests) {
    const auto model = write("m.pb", "graph");
    std::size_t size = 5;
    fs_.on_call = [&](const support::Call& call) {
        // The one read to recognise it, and the one to hash it.
        if (call.operation == support::Operation::read) {
            support::write_file(model, std::string(++size, 'x'));
        }
    };
    const auto found = print(model);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::busy);
    EXPECT_EQ(memory_.size(), 0U);
}

TEST_F(FingerprintTest, OfAModelThatIsGoneIsNotFound) {
    const auto model = write("m.pb", "graph");
    const auto source = find(model);
    ASSERT_TRUE(source);
    stdfs::remove(model);
    const auto found = fingerprint(system(), memory_, *source);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::not_found);
}

TEST_F(FingerprintTest, FollowsASourceThatChangedSinceItWasFound) {
    const auto model = write("m.onnx", files::onnx_model(files::graph({})));
    const auto source = find(model);
    ASSERT_TRUE(source);
    write("w", "weights");
    write("m.onnx", files::onnx_model(files::graph({files::external_tensor({"w"})})));
    const auto found = fingerprint(system(), memory_, *source);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->files.size(), 2U);
}

TEST_F(FingerprintTest, ConfirmsAModelThatStayedAsItWas) {
    for (const bool settled : {true, false}) {
        const auto model = write_sample(samples().front(), settled ? "settled" : "unsettled");
        settled ? settle() : unsettle();
        const auto found = print(model);
        ASSERT_TRUE(found);
        fs_.reads = 0;
        EXPECT_TRUE(confirm_unchanged(system(), *found));
        EXPECT_EQ(fs_.reads == 0, settled);
    }
}

TEST_F(FingerprintTest, ConfirmsNoModelThatChanged) {
    const auto model = write_sample(samples().front(), "m");
    for (const std::string name : {"m/m.xml", "m/m.bin"}) {
        const auto found = print(model);
        ASSERT_TRUE(found);
        change_unseen(path(name), 0);
        const auto confirmed = confirm_unchanged(system(), *found);
        ASSERT_FALSE(confirmed) << name;
        EXPECT_EQ(confirmed.error().code, Errc::busy);
        EXPECT_EQ(confirmed.error().path, path(name));
        support::flip_byte(path(name), 0);
    }
}

TEST_F(FingerprintTest, ConfirmsNoModelThatIsGone) {
    const auto model = write_sample(samples().front(), "m");
    const auto found = print(model);
    ASSERT_TRUE(found);
    stdfs::remove(path("m/m.bin"));
    EXPECT_EQ(confirm_unchanged(system(), *found).error().code, Errc::busy);
}

TEST_F(FingerprintTest, ConfirmsNoModelThatGainedAFile) {
    const std::pair<std::string, std::string> cases[] = {
        {write("p.pdmodel", "x"), "p.pdiparams"},
        {write("n.xml", "<net name=\"n\"></net>"), "n.bin"},
        {os::parent_directory(write("s/saved_model.pb", "x")), "s/variables/variables.index"},
    };
    for (const auto& [model, file] : cases) {
        const auto found = print(model);
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_TRUE(confirm_unchanged(system(), *found)) << model;
        write(file, "came later");
        const auto confirmed = confirm_unchanged(system(), *found);
        ASSERT_FALSE(confirmed) << model;
        EXPECT_EQ(confirmed.error().code, Errc::busy);
    }
}

TEST_F(FingerprintTest, ConfirmsNoUnsettledModelOfOtherContent) {
    const auto model = write("m.pb", "graph");
    unsettle();
    auto found = print(model);
    ASSERT_TRUE(found);
    // Simulates a change within one tick of the clock: the stamp is the same.
    found->files.front().digest.bytes[0] ^= 1;
    EXPECT_EQ(confirm_unchanged(system(), *found).error().code, Errc::busy);
}

// Another process stores to a page that it wrote before, and that is not yet on the disk: this
// alone would update no time.
TEST_F(FingerprintTest, SeesAStoreToAPageThatWasNotYetOnDisk) {
    const support::TemporaryDirectory on_disk;
    const auto model = on_disk / "m.pb";
    support::write_file(model, std::string(10'000, 'w'));
    fs_.locality.reset();
    if (fs_.space(model)->locality != os::Locality::local) LARDER_UNABLE() << "no disk";
    support::MappedMemory writer(model, MAP_SHARED, PROT_READ | PROT_WRITE);
    writer.store(5000, std::byte{1});
    settle();
    const auto before = print(model);
    ASSERT_TRUE(before) << before.error().message();
    EXPECT_EQ(before->files.front().settled, Settled::yes);
    wait_for_tick(model);
    writer.store(5000, std::byte{2});
    EXPECT_FALSE(confirm_unchanged(system(), *before));
    const auto after = print(model);
    ASSERT_TRUE(after) << after.error().message();
    EXPECT_NE(after->fingerprint, before->fingerprint);
    EXPECT_EQ(after->fingerprint.hex(), hex(model));
}

TEST_F(FingerprintTest, SeesAStoreToAFileInMemory) {
    if (real_.system().fs.space(path(""))->locality != os::Locality::memory) {
        LARDER_UNABLE() << "no file system in memory";
    }
    fs_.locality.reset();
    const auto model = write("m.pb", std::string(10'000, 'w'));
    support::MappedMemory writer(model, MAP_SHARED, PROT_READ | PROT_WRITE);
    writer.touch();
    settle();
    const auto before = print(model);
    ASSERT_TRUE(before) << before.error().message();
    EXPECT_EQ(memory_.size(), 0U);
    writer.store(5000, std::byte{2});
    EXPECT_FALSE(confirm_unchanged(system(), *before));
    const auto after = print(model);
    ASSERT_TRUE(after) << after.error().message();
    EXPECT_NE(after->fingerprint, before->fingerprint);
}

TEST_F(FingerprintTest, IsRememberedOnlyIfTheFileCouldBeSynced) {
    const auto model = write_sample(samples()[2], "m");
    int system_errno = EIO;
    fs_.refuse = [&](const support::Call& call) -> std::optional<Error> {
        if (call.operation != support::Operation::sync) return {};
        return Error::from_errno("cannot sync", call.path, system_errno);
    };
    for (const int failed : {EIO, ENOSPC, EROFS}) {
        system_errno = failed;
        const auto found = print(model);
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_EQ(memory_.size(), 0U) << failed;
        EXPECT_TRUE(confirm_unchanged(system(), *found));
    }
    system_errno = EINVAL;
    ASSERT_TRUE(print(model));
    EXPECT_EQ(print(model)->hashed_bytes, 0U) << "there is nothing to be synced";
}

TEST_F(FingerprintTest, SyncsNothingThatIsRememberedOrCannotBe) {
    const auto model = write_sample(samples()[2], "m");
    unsettle();
    ASSERT_TRUE(print(model));
    EXPECT_EQ(fs_.syncs, 0);
    settle();
    ASSERT_TRUE(print(model));
    EXPECT_GT(fs_.syncs, 0);
    fs_.syncs = 0;
    ASSERT_TRUE(print(model));
    EXPECT_EQ(fs_.syncs, 0);
}

// A fault may prevent the fingerprint, but never change it.
TEST_F(FingerprintTest, IsRightOrAnErrorWhicheverCallFails) {
    for (const auto& sample : samples()) {
        stdfs::remove_all(path("m"));
        const auto model = write_sample(sample, "m");
        std::atomic<int> calls = 0;
        std::atomic<int> failing = 0;
        fs_.refuse = [&](const support::Call& call) -> std::optional<Error> {
            if (++calls != failing) return {};
            return Error::from_errno("cannot do", call.path, EIO);
        };
        const auto right = hex(model);
        const int calls_needed = calls;
        for (int i = 1; i <= calls_needed; ++i) {
            calls = 0;
            failing = i;
            MapMemory memory;
            const auto found = fingerprint(system(), memory, model);
            if (!found) {
                EXPECT_EQ(found.error().code, Errc::io) << found.error().message();
            }
            failing = 0;
            // Digests that were remembered meanwhile are correct.
            const auto again = fingerprint(system(), memory, model);
            ASSERT_TRUE(again) << again.error().message();
            EXPECT_EQ(again->fingerprint.hex(), right) << sample.named << ", call " << i;
            if (found) {
                EXPECT_EQ(found->fingerprint.hex(), right) << sample.named << ", call " << i;
            }
        }
        fs_.refuse = {};
    }
}

TEST_F(FingerprintTest, CanBeAskedForByManyThreads) {
    const auto model = write_sample(samples()[2], "m");
    const auto right = hex(model);
    std::vector<std::string> got(8);
    {
        std::vector<std::jthread> threads;
        threads.reserve(got.size());
        for (auto& print : got) {
            threads.emplace_back([&] {
                const auto found = fingerprint(system(), memory_, model);
                if (found) print = found->fingerprint.hex();
            });
        }
    }
    EXPECT_THAT(got, testing::Each(right));
}

// The format of existing keys: a change here loses every larder.
TEST_F(FingerprintTest, StaysWhatItIs) {
    EXPECT_EQ(hex(write("m.pb", "graph")),
              "b573b8d8fd38fe103b0d71cc096efec3ed3be89402752fd45fec1b87701547a5");
    write("m.xml", ir_xml());
    write("m.bin", "weights");
    EXPECT_EQ(hex(path("m.xml")),
              "6394af38a69a99dec842e1fd65b0671583f00f24d12d21732540508e67799347");
}

}  // namespace
}  // namespace larder::internal::model
