#include "model/gguf_join.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/byte_source.h"
#include "model/gguf_outline.h"
#include "model_files/gguf_writer.h"
#include "workshop.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;
using testing::HasSubstr;

struct Tensor {
    std::vector<std::uint64_t> lengths;
    std::uint32_t type = 0;
    std::string bytes;

    bool operator==(const Tensor&) const = default;
};

// The metadata and tensors of a file, independent of its layout.
struct Content {
    std::uint64_t alignment = 0;
    std::map<std::string, std::string> pairs;
    std::map<std::string, Tensor> tensors;
};

std::string filling(std::size_t size_bytes, char first) {
    std::string bytes(size_bytes, '\0');
    for (std::size_t i = 0; i < size_bytes; ++i) {
        bytes[i] = static_cast<char>(static_cast<std::size_t>(first) + i * 7);
    }
    return bytes;
}

class GgufJoin : public ModelTest {
protected:
    // Tensors of odd sizes, so that each is followed by padding; `count` shards of them.
    std::string write_shards(std::uint16_t count, std::uint32_t alignment) {
        const auto path_of = [&](unsigned i) {
            return "m-0000" + std::to_string(i + 1) + "-of-0000" + std::to_string(count) + ".gguf";
        };
        std::uint16_t tensors = 0;
        for (std::uint16_t shard = 0; shard < count; ++shard) {
            auto file = shard == 0 ? files::small_gguf() : files::GgufFile{};
            file.tensors.clear();
            file.data.clear();
            for (std::uint16_t i = 0; i <= shard; ++i) {
                const auto size = 5U + 9U * tensors++;
                const auto name = "t" + std::to_string(shard) + "." + std::to_string(i);
                file.tensors.push_back({name, {size}, 24, file.data.size()});
                file.data += filling(size, static_cast<char>(16 * shard + i));
                file.data.resize((file.data.size() + 31) / 32 * 32, '\0');
            }
            file.pairs.push_back(files::pair_u16("split.no", shard));
            // Only the first shard states the alignment: the others have the default.
            if (shard == 0 && alignment != 32) {
                file.pairs.push_back(files::pair_u32("general.alignment", alignment));
                file.alignment = alignment;
            }
            file.pairs.push_back(files::pair_u16("split.count", count));
            const auto all = static_cast<std::uint32_t>(count * (count + 1) / 2);
            file.pairs.push_back(files::pair("split.tensors.count", 5, files::little_endian(all)));
            shards_.push_back(file);
            write(path_of(shard), file.bytes());
        }
        return path(path_of(0));
    }

    Result<std::string> join(const std::string& named, unsigned threads = 2) {
        const auto source = find(named);
        if (!source) return fail(source.error());
        EXPECT_TRUE(is_split_gguf(*source));
        auto out = fs_.open(path("joined.gguf"), os::OpenMode::create_exclusive, 0600);
        EXPECT_TRUE(out);
        if (auto joined = join_gguf(fs_, *source, **out, threads); !joined) {
            EXPECT_TRUE(fs_.remove(path("joined.gguf")));
            return fail(joined.error());
        }
        return os::read_text(fs_, path("joined.gguf"), 64U << 20);
    }

    static Content content(const std::string& bytes) {
        MemorySource source(std::as_bytes(std::span(bytes)));
        const auto table = read_gguf_table(source);
        EXPECT_TRUE(table) << table.error().message();
        Content content;
        if (!table) return content;
        content.alignment = table->alignment;
        for (const auto& pair : table->pairs) {
            content.pairs[pair.key] = bytes.substr(pair.offset, pair.size_bytes);
        }
        for (const auto& tensor : table->tensors) {
            EXPECT_EQ(tensor.offset % table->alignment, 0U) << tensor.name;
            const auto begin = table->data_offset + tensor.offset;
            content.tensors[tensor.name] = {tensor.lengths, tensor.type,
                                            bytes.substr(begin, tensor.size_bytes.value_or(0))};
        }
        EXPECT_EQ(table->data_offset % table->alignment, 0U);
        return content;
    }

    void expect_joined(const std::string& bytes) const {
        MemorySource source(std::as_bytes(std::span(bytes)));
        EXPECT_EQ(read_gguf_outline(source), (GgufOutline{0, 1}));
        Content wanted = content(shards_.front().bytes());
        std::erase_if(wanted.pairs,
                      [](const auto& pair) { return pair.first.starts_with("split."); });
        for (const auto& shard : shards_) {
            wanted.tensors.merge(content(shard.bytes()).tensors);
        }
        const auto found = content(bytes);
        EXPECT_EQ(found.alignment, wanted.alignment);
        EXPECT_EQ(found.pairs, wanted.pairs);
        EXPECT_EQ(found.tensors, wanted.tensors);
    }

    std::vector<files::GgufFile> shards_;
};

TEST_F(GgufJoin, HoldsEveryTensorAndAllMetadata) {
    const auto joined = join(write_shards(4, 32));
    ASSERT_TRUE(joined) << joined.error().message();
    expect_joined(*joined);
}

TEST_F(GgufJoin, AlignsAsTheMetadataSays) {
    for (const std::uint32_t alignment : {8U, 64U, 4096U}) {
        shards_.clear();
        const auto named = write_shards(3, alignment);
        const auto joined = join(named);
        ASSERT_TRUE(joined) << joined.error().message();
        expect_joined(*joined);
        EXPECT_EQ(content(*joined).alignment, alignment);
        ASSERT_TRUE(fs_.remove(path("joined.gguf")));
    }
}

// The layout that the tools write for a single file: the same order, each tensor directly behind
// the padding of the one before, and the last one padded too.
TEST_F(GgufJoin, IsTheFileThatWasNeverSplit) {
    auto whole = files::small_gguf();
    auto first = whole;
    first.tensors.resize(1);
    first.data.resize(32);
    files::GgufFile second;
    second.tensors = {whole.tensors[1]};
    second.tensors[0].offset = 0;
    second.data = whole.data.substr(32);
    std::uint16_t number = 0;
    for (auto* shard : {&first, &second}) {
        shard->pairs.push_back(files::pair_u16("split.no", number++));
        shard->pairs.push_back(files::pair_u16("split.count", 2));
    }
    write("m-00001-of-00002.gguf", first.bytes());
    write("m-00002-of-00002.gguf", second.bytes());
    whole.data.resize(96, '\0');
    EXPECT_EQ(join(path("m-00002-of-00002.gguf")), whole.bytes());
}

TEST_F(GgufJoin, CopiesTensorsThatAreLargerThanItsBuffers) {
    auto file = files::gguf_shard(0, 2);
    constexpr std::size_t k_size = (std::size_t{9} << 20) + 5;
    file.tensors = {{"large", {k_size}, 24, 0}};
    file.data = filling(k_size, 'l');
    write("m-00001-of-00002.gguf", file.bytes());
    shards_.push_back(file);
    file = files::gguf_shard(1, 2);
    write("m-00002-of-00002.gguf", file.bytes());
    shards_.push_back(file);
    const auto joined = join(path("m-00001-of-00002.gguf"));
    ASSERT_TRUE(joined) << joined.error().message();
    expect_joined(*joined);
}

TEST_F(GgufJoin, ATensorOfAnUnknownTypeEndsWhereTheNextBegins) {
    auto file = files::gguf_shard(0, 2);
    file.tensors = {{"a", {3}, 9999, 32}, {"b", {3}, 9999, 0}};
    file.data = filling(60, 'x');
    write("m-00001-of-00002.gguf", file.bytes());
    write("m-00002-of-00002.gguf", files::gguf_shard(1, 2).bytes());
    const auto joined = join(path("m-00001-of-00002.gguf"));
    ASSERT_TRUE(joined) << joined.error().message();
    MemorySource source(std::as_bytes(std::span(*joined)));
    const auto table = read_gguf_table(source);
    ASSERT_TRUE(table);
    const auto bytes = [&](std::size_t i, std::size_t size) {
        return joined->substr(table->data_offset + table->tensors[i].offset, size);
    };
    EXPECT_EQ(bytes(0, 28), file.data.substr(32));
    EXPECT_EQ(bytes(1, 32), file.data.substr(0, 32));
}

TEST_F(GgufJoin, TensorsMayHaveNoBytes) {
    auto file = files::gguf_shard(0, 2);
    file.tensors = {{"none", {0}, 0, 0}};
    file.data.clear();
    write("m-00001-of-00002.gguf", file.bytes());
    shards_.push_back(file);
    file.pairs = files::gguf_shard(1, 2).pairs;
    file.tensors.clear();
    write("m-00002-of-00002.gguf", file.bytes());
    const auto joined = join(path("m-00001-of-00002.gguf"));
    ASSERT_TRUE(joined) << joined.error().message();
    expect_joined(*joined);
}

TEST_F(GgufJoin, RefusesShardsThatDoNotBelongTogether) {
    const auto named = write_shards(3, 32);
    const auto expect_damaged = [&](const std::string& what) {
        const auto joined = join(named);
        ASSERT_FALSE(joined) << what;
        EXPECT_EQ(joined.error().code, Errc::damaged);
        EXPECT_THAT(joined.error().message(), HasSubstr(what));
    };
    auto shard = shards_[1];
    shard.tensors.pop_back();
    write("m-00002-of-00003.gguf", shard.bytes());
    expect_damaged("its shards hold 5 tensors, not 6");
    shard = shards_[1];
    shard.tensors[1].name = "t0.0";
    write("m-00002-of-00003.gguf", shard.bytes());
    expect_damaged("tensor 't0.0' occurs twice");
    shard = shards_[1];
    shard.data.resize(shard.data.size() - 20);
    write("m-00002-of-00003.gguf", shard.bytes());
    expect_damaged("truncated: tensor 't1.1'");
    // Each is within the file, but their sum is far beyond it.
    shard = shards_[2];
    for (auto& tensor : shard.tensors) tensor = {tensor.name, {shard.data.size()}, 24, 0};
    for (int i = 0; i < 20; ++i) {
        shard.tensors.push_back({std::to_string(i), {shard.data.size()}, 24, 0});
    }
    write("m-00002-of-00003.gguf", shards_[1].bytes());
    write("m-00003-of-00003.gguf", shard.bytes());
    expect_damaged("overlaps another");
}

TEST_F(GgufJoin, AShardThatChangesMeanwhileIsNotJoined) {
    const auto named = write_shards(2, 32);
    bool changed = false;
    fs_.on_call = [&](const support::Call& call) {
        if (call.operation != support::Operation::write || changed) return;
        changed = true;
        write("m-00002-of-00002.gguf", shards_[1].bytes() + "x");
    };
    const auto joined = join(named, 1);
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, Errc::busy);
    EXPECT_THAT(joined.error().message(), HasSubstr("00002-of-00002"));
}

TEST_F(GgufJoin, PassesOnThatThereIsNoRoom) {
    const auto named = write_shards(2, 32);
    fs_.refuse = [](const support::Call& call) -> std::optional<Error> {
        if (call.operation != support::Operation::write) return {};
        return Error{Errc::no_space, 28, "cannot write", "joined.gguf", {}};
    };
    const auto joined = join(named);
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, Errc::no_space);
}

}  // namespace
}  // namespace larder::internal::model
