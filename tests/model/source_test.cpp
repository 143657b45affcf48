// Tests which files of each kind are found, and the message if one is missing.
#include "model/source.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "model_files/gguf_writer.h"
#include "model_files/onnx_writer.h"
#include "workshop.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;
namespace stdfs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class Source : public ModelTest {
protected:
    std::string write_onnx(const std::string& name, const files::External& external) {
        return write(name, files::onnx_model(files::graph({files::external_tensor(external)})));
    }
};

TEST_F(Source, FindsEveryKindWithAllItsFiles) {
    for (const auto& sample : samples()) {
        const support::TemporaryDirectory directory{support::fast_directory()};
        for (const auto& [name, content] : sample.files) {
            stdfs::create_directories(stdfs::path(directory / name).parent_path());
            support::write_file(directory / name, content);
        }
        const auto found = find(directory / sample.named);
        ASSERT_TRUE(found) << sample.named << ": " << found.error().message();
        EXPECT_EQ(to_string(found->kind), sample.kind);
        EXPECT_EQ(found->path, directory / sample.named);
        EXPECT_EQ(found->files.size(), sample.files.size()) << sample.named;
        EXPECT_EQ(found->files.front().path, directory / sample.files.front().first);
        std::uint64_t total = 0;
        for (const auto& [name, content] : sample.files) total += content.size();
        EXPECT_EQ(found->total_bytes(), total);
    }
}

TEST_F(Source, NamesTheRolesOfFilesAndNotTheirPaths) {
    write("m.bin", "w");
    EXPECT_THAT(roles(find(write("m.xml", ir_xml()))), ElementsAre("xml", "bin"));
    write("d/w", "abc");
    EXPECT_THAT(roles(find(write_onnx("m.onnx", {"d/w"}))), ElementsAre("onnx", "external:d/w"));
    write("x-00001-of-00002.gguf", files::gguf_shard(0, 2).bytes());
    const auto second = write("x-00002-of-00002.gguf", files::gguf_shard(1, 2).bytes());
    EXPECT_THAT(roles(find(second)), ElementsAre("shard:1", "shard:2"));
    write("c.index", "");
    write("c.data-00000-of-00001", "");
    EXPECT_THAT(roles(find(write("c.meta", ""))),
                ElementsAre("meta", "index", "data-00000-of-00001"));
    write("s/variables/variables.index", "");
    write("s/assets/b", "");
    write("s/assets/a", "");
    write("s/assets/below/c", "");
    write("s/saved_model.pb", "");
    EXPECT_THAT(roles(find(path("s"))),
                ElementsAre("saved_model.pb", "variables/variables.index", "assets/a", "assets/b"));
}

TEST_F(Source, RecognisesContentUnderAnyName) {
    write("ir.bin", "w");
    EXPECT_EQ(find(write("ir.model", ir_xml()))->kind, ModelKind::ir);
    write("plain.bin", "w");
    EXPECT_EQ(find(write("plain", ir_xml()))->kind, ModelKind::ir);
    EXPECT_EQ(find(write("a", files::onnx_model(files::graph({}))))->kind, ModelKind::onnx);
    EXPECT_EQ(find(write("a.pb", files::onnx_model(files::graph({}))))->kind, ModelKind::onnx);
    EXPECT_EQ(find(write("b", files::small_gguf().bytes()))->kind, ModelKind::gguf);
    EXPECT_EQ(find(write("c", std::string("\0\0\0\0TFL3", 8)))->kind, ModelKind::tflite);
    EXPECT_EQ(find(write("D.PB", "graph"))->kind, ModelKind::tensorflow);
}

TEST_F(Source, WhatItDoesNotKnowIsUnsupported) {
    EXPECT_EQ(code(find(write("a.txt", "hello"))), Errc::unsupported);
    EXPECT_EQ(code(find(write("a.json", "{}"))), Errc::unsupported);
    EXPECT_EQ(code(find(write("empty", ""))), Errc::unsupported);
    // Begins like ONNX, but is not ONNX, and has another name.
    EXPECT_EQ(code(find(write("b", "\x08\x07\xff\xff\xff"))), Errc::unsupported);
    stdfs::create_directories(path("directory"));
    EXPECT_EQ(code(find(path("directory"))), Errc::unsupported);
    ASSERT_EQ(::mkfifo(path("m.xml").c_str(), 0600), 0);
    EXPECT_EQ(code(find(path("m.xml"))), Errc::unsupported);
}

TEST_F(Source, WhatIsNotWhatItsNameSaysIsDamaged) {
    for (const std::string name : {"a.xml", "a.onnx", "a.gguf", "a.tflite"}) {
        EXPECT_EQ(code(find(write(name, ""))), Errc::damaged) << name;
        EXPECT_EQ(code(find(write(name, "something else"))), Errc::damaged) << name;
        EXPECT_THAT(message(find(path(name))), HasSubstr(path(name)));
    }
    // Under a name without a known extension it was remembered as no model.
    write("b", "other");
    EXPECT_EQ(code(find(path("b"))), Errc::unsupported);
    stdfs::create_hard_link(path("b"), path("b.onnx"));
    EXPECT_EQ(code(find(path("b"))), Errc::unsupported);
    EXPECT_EQ(code(find(path("b.onnx"))), Errc::damaged);
}

TEST_F(Source, AMissingModelIsNotFound) {
    EXPECT_EQ(code(find(path("none.xml"))), Errc::not_found);
    EXPECT_EQ(code(find(write("file", "x") + "/m.xml")), Errc::not_found);
}

TEST_F(Source, AModelThatCannotBeReadSaysSo) {
    write("m.bin", "w");
    write("m.xml", ir_xml());
    fs_.refuse = [&](const support::Call& call) -> std::optional<Error> {
        if (call.operation != support::Operation::open || call.path != path("m.bin")) return {};
        return Error::from_errno("cannot open", call.path, EACCES);
    };
    EXPECT_EQ(code(find(path("m.xml"))), Errc::permission_denied);
    EXPECT_THAT(message(find(path("m.xml"))), HasSubstr(path("m.bin")));
}

TEST_F(Source, IrNeedsItsWeightsOnlyIfItHasConstants) {
    EXPECT_EQ(code(find(write("m.xml", ir_xml()))), Errc::not_found);
    EXPECT_THAT(message(find(path("m.xml"))), HasSubstr(path("m.bin")));
    const auto bare = write("bare.xml", "<net name=\"x\" version=\"11\"></net>");
    EXPECT_THAT(roles(find(bare)), ElementsAre("xml"));
    write("bare.bin", "");
    EXPECT_THAT(roles(find(bare)), ElementsAre("xml", "bin"));
}

TEST_F(Source, OnnxNeedsItsExternalData) {
    EXPECT_EQ(code(find(write_onnx("m.onnx", {"w"}))), Errc::not_found);
    EXPECT_THAT(message(find(path("m.onnx"))), HasSubstr(path("w")));
    write("w", "");
    EXPECT_TRUE(find(path("m.onnx")));
    stdfs::remove(path("w"));
    stdfs::create_directories(path("w"));
    EXPECT_EQ(code(find(path("m.onnx"))), Errc::unsupported);
}

TEST_F(Source, OnnxDataOutsideItsDirectoryIsRefused) {
    const auto outside = write("w", "data");
    for (const std::string location : {"../w", "a/../../w", "..", ".", "/", "a/.."}) {
        const auto model = write_onnx("d/m.onnx", {location});
        EXPECT_EQ(code(find(model)), Errc::invalid_argument) << location;
    }
    EXPECT_EQ(code(find(write_onnx("d/m.onnx", {outside}))), Errc::invalid_argument);
    EXPECT_EQ(code(find(write_onnx("d/m.onnx", {std::string("w\0x", 3)}))), Errc::invalid_argument);
}

TEST_F(Source, OnnxLocationsAreReadLikeTheRuntimeReadsThem) {
    write("w", "data");
    for (const std::string location : {"w", "./w", ".//w", "none/../w"}) {
        EXPECT_TRUE(find(write_onnx("m.onnx", {location}))) << location;
    }
}

TEST_F(Source, OnnxDataInsideItsDirectoryIsFoundWhateverTheWayThere) {
    write("d/w", "data");
    write("d/e/x", "");
    for (const auto& location : {path("d/w"), path("d/e/../w"), std::string("../d/w"),
                                 std::string("e/../../d/w"), std::string("..w/../w")}) {
        EXPECT_TRUE(find(write_onnx("d/m.onnx", {location}))) << location;
    }
    stdfs::create_symlink("d", path("link"));
    EXPECT_TRUE(find((write_onnx("d/m.onnx", {path("d/w")}), path("link/m.onnx"))));
    write("w", "data");
    stdfs::create_symlink("../w", path("d/out"));
    EXPECT_EQ(code(find(write_onnx("d/m.onnx", {path("d/out")}))), Errc::invalid_argument);
}

TEST_F(Source, OnnxFindsItsDataBesideALinkToIt) {
    write("blobs/1", files::onnx_model(files::graph({files::external_tensor({"w"})})));
    write("blobs/2", "data");
    stdfs::create_directories(path("snapshot"));
    stdfs::create_symlink("../blobs/1", path("snapshot/m.onnx"));
    stdfs::create_symlink("../blobs/2", path("snapshot/w"));
    EXPECT_TRUE(find(path("snapshot/m.onnx")));
}

TEST_F(Source, OnnxDataThatIsTooShortIsDamaged) {
    const auto model = write_onnx("m.onnx", {"w", 8, 4});
    write("w", std::string(11, 'x'));
    EXPECT_EQ(code(find(model)), Errc::damaged);
    EXPECT_THAT(message(find(model)), HasSubstr("end at byte 12, the file has 11"));
    write("w", std::string(12, 'x'));
    EXPECT_TRUE(find(model));
}

TEST_F(Source, GgufIsFoundByAnyOfItsShards) {
    for (std::uint16_t i = 0; i < 3; ++i) {
        write("m-0000" + std::to_string(i + 1) + "-of-00003.gguf", files::gguf_shard(i, 3).bytes());
    }
    for (const int i : {1, 2, 3}) {
        const auto found = find(path("m-0000" + std::to_string(i) + "-of-00003.gguf"));
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_THAT(roles(found), ElementsAre("shard:1", "shard:2", "shard:3"));
        EXPECT_EQ(found->files.front().path, path("m-00001-of-00003.gguf"));
    }
}

TEST_F(Source, AMissingShardIsNamed) {
    const auto first = write("m-00001-of-00003.gguf", files::gguf_shard(0, 3).bytes());
    write("m-00003-of-00003.gguf", files::gguf_shard(2, 3).bytes());
    EXPECT_EQ(code(find(first)), Errc::not_found);
    EXPECT_THAT(message(find(first)), HasSubstr(path("m-00002-of-00003.gguf")));
}

TEST_F(Source, AShardUnderAnotherNameIsRefused) {
    const auto renamed = write("m.gguf", files::gguf_shard(1, 2).bytes());
    EXPECT_EQ(code(find(renamed)), Errc::not_found);
    EXPECT_THAT(message(find(renamed)), HasSubstr("must end in -00002-of-00002.gguf"));
    const auto first = write("n-00001-of-00002.gguf", files::gguf_shard(0, 2).bytes());
    write("n-00002-of-00002.gguf", files::gguf_shard(0, 2).bytes());
    EXPECT_EQ(code(find(first)), Errc::damaged);
    write("n-00002-of-00002.gguf", "no GGUF");
    EXPECT_EQ(code(find(first)), Errc::damaged);
    write("n-00002-of-00002.gguf", files::small_gguf().bytes());
    EXPECT_EQ(code(find(first)), Errc::damaged);
}

TEST_F(Source, ATruncatedGgufSaysWhereItEnds) {
    const auto whole = files::small_gguf().bytes();
    const auto model = write("m.gguf", whole.substr(0, whole.size() - 1));
    EXPECT_EQ(code(find(model)), Errc::damaged);
    EXPECT_THAT(message(find(model)), HasSubstr("truncated: tensor 'weight' ends at byte " +
                                                std::to_string(whole.size()) + ", the file has " +
                                                std::to_string(whole.size() - 1)));
    write("s-00001-of-00002.gguf", files::gguf_shard(0, 2).bytes());
    const auto second = files::gguf_shard(1, 2).bytes();
    write("s-00002-of-00002.gguf", second.substr(0, second.size() - 5));
    EXPECT_EQ(code(find(path("s-00001-of-00002.gguf"))), Errc::damaged);
    EXPECT_THAT(message(find(path("s-00001-of-00002.gguf"))),
                HasSubstr(path("s-00002-of-00002.gguf")));
}

TEST_F(Source, PaddleMayHaveNoParameters) {
    EXPECT_THAT(roles(find(write("m.pdmodel", "x"))), ElementsAre("pdmodel"));
    write("m.pdiparams", "x");
    EXPECT_THAT(roles(find(path("m.pdmodel"))), ElementsAre("pdmodel", "pdiparams"));
}

TEST_F(Source, ACheckpointNeedsItsIndexAndAllOfItsData) {
    const auto model = write("m.meta", "x");
    EXPECT_THAT(message(find(model)), HasSubstr(path("m.index")));
    write("m.index", "x");
    EXPECT_THAT(message(find(model)), HasSubstr(path("m.data-00000-of-00001")));
    write("m.data-00001-of-00003", "x");
    write("m.data-00000-of-00003", "x");
    EXPECT_EQ(code(find(model)), Errc::not_found);
    EXPECT_THAT(message(find(model)), HasSubstr(path("m.data-00002-of-00003")));
    write("m.data-00002-of-00003", "x");
    write("m.data-00002-of-00003.tmp", "not one of them");
    EXPECT_EQ(find(model)->files.size(), 5U);
}

TEST_F(Source, WithoutAMemoryItFindsTheSame) {
    write("m-00001-of-00002.gguf", files::gguf_shard(0, 2).bytes());
    const auto model = write("m-00002-of-00002.gguf", files::gguf_shard(1, 2).bytes());
    const auto found = find_model_source(fs_, model);
    EXPECT_EQ(roles(found), roles(find(model)));
}

TEST_F(Source, ReadsNoWeights) {
    const std::string weights(std::size_t{8} << 20, 'w');
    auto model = files::small_gguf();
    model.tensors.push_back({"huge", {weights.size()}, 24, 96});
    model.data.resize(96, '\0');
    model.data += weights;
    const auto gguf = write("m.gguf", model.bytes());
    const auto onnx = write(
        "m.onnx",
        files::onnx_model(files::graph({files::raw_tensor(weights), files::raw_tensor("x")})));
    fs_.reads = 0;
    ASSERT_TRUE(find(gguf));
    ASSERT_TRUE(find(onnx));
    EXPECT_LT(fs_.reads, 16);
}

TEST_F(Source, OpensEachFileOfAKnownModelAndReadsNone) {
    write("m-00001-of-00002.gguf", files::gguf_shard(0, 2).bytes());
    const auto model = write("m-00002-of-00002.gguf", files::gguf_shard(1, 2).bytes());
    settle();
    ASSERT_TRUE(find(model));
    fs_.reads = 0;
    fs_.opens = 0;
    ASSERT_TRUE(find(model));
    EXPECT_EQ(fs_.reads, 0);
    EXPECT_GE(fs_.opens, 2);
}

TEST_F(Source, RemembersNothingOfAFileThatMayStillChangeUnseen) {
    const auto model = write("m.gguf", files::small_gguf().bytes());
    unsettle();
    ASSERT_TRUE(find(model));
    EXPECT_EQ(memory_.size(), 0U);
}

TEST_F(Source, AMemoryThatMakesNoSenseIsNotBelieved) {
    const auto model = write("m.gguf", files::small_gguf().bytes());
    ASSERT_TRUE(find(model));
    for (const std::string text : {"", "gguf\n", "gguf\n1", "gguf\n0 1\nmore", "what\n"}) {
        memory_.spoil_derived(text);
        const auto found = find(model);
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_EQ(found->kind, ModelKind::gguf);
    }
}

}  // namespace
}  // namespace larder::internal::model
