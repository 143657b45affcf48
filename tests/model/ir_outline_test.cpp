#include "model/ir_outline.h"

#include <string>

#include <gtest/gtest.h>

namespace larder::internal::model {
namespace {

bool looks_like_ir(const std::string& text) {
    MemorySource source(std::as_bytes(std::span(text)));
    const auto found = is_ir(source);
    EXPECT_TRUE(found);
    return found && *found;
}

bool constants(const std::string& text) {
    MemorySource source(std::as_bytes(std::span(text)));
    const auto found = has_constants(source);
    EXPECT_TRUE(found);
    return found && *found;
}

TEST(IrOutline, KnowsTheRootElement) {
    EXPECT_TRUE(looks_like_ir("<net name=\"a\">"));
    EXPECT_TRUE(looks_like_ir("<net>"));
    EXPECT_TRUE(looks_like_ir("<?xml version=\"1.0\"?>\n<net\tname=\"a\">"));
    EXPECT_TRUE(looks_like_ir("\xef\xbb\xbf \n<!-- <a> --><!DOCTYPE net><net a=\"b\"/>"));
    EXPECT_TRUE(looks_like_ir("<!--" + std::string(5000, 'x') + "--><net >"));
}

TEST(IrOutline, IsNotAnyXml) {
    for (const std::string text : {"", "<", "<ne", "<net", "<network>", "<svg><net></svg>", "<?xml",
                                   "<!-- <net>", "text <net>", "<?xml ?> text <net>"}) {
        EXPECT_FALSE(looks_like_ir(text)) << text;
    }
    EXPECT_FALSE(looks_like_ir("<!--" + std::string(100000, 'x') + "--><net >"));
}

TEST(IrOutline, FindsConstantsAlsoAcrossWindows) {
    EXPECT_FALSE(constants(""));
    EXPECT_FALSE(constants("<layer type=\"Constant\"/>"));
    EXPECT_TRUE(constants("<layer type='Const'/>"));
    constexpr std::size_t k_window_bytes = std::size_t{256} << 10;
    for (std::size_t before = k_window_bytes - 30; before < k_window_bytes + 5; ++before) {
        EXPECT_TRUE(constants(std::string(before, ' ') + "type=\"Const\"" + "/>")) << before;
        EXPECT_TRUE(constants(std::string(before, ' ') + "type=\"Const\"")) << before;
    }
    EXPECT_FALSE(constants(std::string(k_window_bytes, ' ')));
}

}  // namespace
}  // namespace larder::internal::model
