#include "model/ggml_types.h"

#include <gtest/gtest.h>

namespace larder::internal::model {
namespace {

TEST(GgmlTypes, HaveTheSizesOfGgml) {
    struct Known {
        std::uint32_t type;
        std::uint32_t elements;
        std::uint32_t size_bytes;
    };
    for (const auto& known :
         {Known{0, 1, 4}, Known{1, 1, 2}, Known{2, 32, 2 + 16}, Known{8, 32, 2 + 32},
          Known{12, 256, 2 + 2 + 12 + 128}, Known{14, 256, 128 + 64 + 16 + 2}, Known{28, 1, 8},
          Known{30, 1, 2}, Known{39, 32, 1 + 16}}) {
        const auto block = ggml_block(known.type);
        ASSERT_TRUE(block) << known.type;
        EXPECT_EQ(block->elements, known.elements) << known.type;
        EXPECT_EQ(block->size_bytes, known.size_bytes) << known.type;
    }
}

TEST(GgmlTypes, AreNotGuessed) {
    for (const std::uint32_t type : {4U, 5U, 1000U, ~0U}) EXPECT_FALSE(ggml_block(type)) << type;
}

}  // namespace
}  // namespace larder::internal::model
