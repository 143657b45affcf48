#include "model/file_names.h"

#include <gtest/gtest.h>

namespace larder::internal::model {
namespace {

TEST(FileNames, OfShardsAreReadAsTheyAreWritten) {
    EXPECT_EQ(shard_text({2, 15}), "00002-of-00015");
    EXPECT_EQ(shard_text({123456, 123456}), "123456-of-123456");
    EXPECT_EQ(parse_shard_text("00002-of-00015"), (ShardNumber{2, 15}));
    for (const std::string_view text :
         {"", "-of-", "2-of-15", "00002-of-", "00002-of-00015x", "x00002-of-00015", "00002of00015",
          "000002-of-00015", "00002-of-00015-of-00015", "99999999999-of-00001"}) {
        EXPECT_FALSE(parse_shard_text(text)) << text;
    }
}

TEST(FileNames, OfShardsHaveAStem) {
    const auto name = parse_shard_name("/d-00001-of-00002/a-b-00001-of-00003.gguf");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->stem, "/d-00001-of-00002/a-b");
    EXPECT_EQ(name->number, (ShardNumber{1, 3}));
    EXPECT_EQ(name->extension, ".gguf");
    for (const std::string path :
         {"", "a.gguf", "00001-of-00002.gguf", "-of-00002.gguf", "a-1-of-2.gguf", "-of-.gguf"}) {
        EXPECT_FALSE(parse_shard_name(path)) << path;
    }
}

TEST(FileNames, HaveExtensionsOfTheirOwn) {
    EXPECT_EQ(extension_of("/a.b/c"), "");
    EXPECT_EQ(extension_of("/a.b/c.Xml"), ".xml");
    EXPECT_EQ(extension_of(".hidden"), "");
    EXPECT_EQ(extension_of("/a/.hidden"), "");
    EXPECT_EQ(with_extension("/a.b/c", ".bin"), "/a.b/c.bin");
    EXPECT_EQ(with_extension("c.d.xml", ".bin"), "c.d.bin");
}

TEST(FileNames, OfStrangersArePrintedWithCare) {
    EXPECT_EQ(printable("a\x1b[0m\n\xc3\xa9~"), "a?[0m???~");
    EXPECT_EQ(printable(std::string(200, 'x')).size(), 80U);
}

}  // namespace
}  // namespace larder::internal::model
