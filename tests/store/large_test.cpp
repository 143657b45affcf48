// Objects of more than 4 GiB, sparse if the file system allows it; and many entries.
#include <algorithm>

#include "format/manifest.h"
#include "harness.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

TEST_F(LarderTest, KeepsAnObjectOfMoreThanFourGiB) {
    constexpr std::uint64_t k_bytes = (std::uint64_t{4} << 30) + 4097;
    const std::string end = "the end";
    Publication publication;
    publication.manifest.key_inputs = {{"name", "large"}};
    publication.sources.push_back({"", [&](StagedFile& file) -> Result<void> {
                                       return file.write_at(k_bytes - end.size(),
                                                            std::as_bytes(std::span(end)));
                                   }});
    const auto manifest = publish(publication);
    ASSERT_TRUE(manifest) << manifest.error().message();
    EXPECT_EQ(manifest->parts[0].bytes, k_bytes);
    const auto key = manifest->key;
    {
        const auto object = store_->open_object(key, manifest->parts[0], Verify::always);
        ASSERT_TRUE(object) << object.error().message();
        ASSERT_EQ(object->bytes().size(), k_bytes);
        EXPECT_EQ(std::to_integer<char>(object->bytes()[k_bytes - 1]), 'd');
    }
    support::flip_byte(path_of(manifest->parts[0].object), k_bytes - 5);
    const auto report = store_->verify({&key, 1});
    ASSERT_TRUE(report);
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_NE(report->findings[0].error.message().find("chunk 1024 of 1025"), std::string::npos)
        << report->findings[0].error.message();
    EXPECT_FALSE(store_->find(key).manifest);
}

// A hit costs the same calls in every larder.
TEST_F(LarderTest, CostsTheSameInALarderOfAHundredThousandEntries) {
    support::CountingFileSystem counting(*fs_);
    Machine machine(counting);
    const auto hit = [&] {
        const auto store = machine.must_open(larder());
        counting.reset();
        const auto found = store->find(key_of("x"));
        EXPECT_TRUE(found.manifest);
        EXPECT_TRUE(
            store->open_object(found.manifest->key, found.manifest->parts[0], Verify::always));
        EXPECT_FALSE(store->find(key_of("none")).manifest);
        return counting.transcript();
    };
    const auto fill = [&](int from, int to) {
        const auto manifest = *store_->find(key_of("x")).manifest;
        for (int i = from; i < to; ++i) {
            auto other = manifest;
            other.key_inputs = {{"name", std::to_string(i)}};
            other.key = format::key_of(other.key_inputs);
            const auto path = path_of(other.key);
            std::filesystem::create_directory(os::parent_directory(path));
            support::write_file(path, *format::encode_manifest(other));
        }
    };
    ASSERT_TRUE(publish(blob("x")));
    fill(0, 9);
    const auto in_ten = hit();
    fill(9, 99'999);
    ASSERT_EQ(store_->totals()->entries, 100'000U);
    EXPECT_EQ(hit(), in_ten);
    EXPECT_EQ(std::count(in_ten.begin(), in_ten.end(), '\n'), 8) << in_ten;
}

}  // namespace
}  // namespace larder::internal::store
