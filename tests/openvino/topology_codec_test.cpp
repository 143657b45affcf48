// Goal: an imported topology is exported with the same content and the same encoding.
#include "openvino/topology_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace larder::internal::openvino {
namespace {

const std::string k_head = "<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">\n";
const std::string k_end = "</net>\n";
const std::string k_key = "\x30\x60\x70\x02\x04\x08\x3f\x6f\x72\x74\x78\x7f";

std::string constant(const std::string& information) {
    return "\t<layer id=\"0\">\n" + information + "\t</layer>\n";
}
std::string where(const std::string& offset) {
    return "\t\t\t<attribute name=\"WeightlessCacheAttribute\" bin_offset=\"" + offset + "\" />\n";
}
std::string rt_info(const std::string& text) {
    return "\t\t<rt_info>\n" + text + "\t\t</rt_info>\n";
}
std::string encoded(std::string text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(text[i] ^ k_key[i % k_key.size()]);
    }
    return text;
}

const std::string k_names = "\t\t\t<attribute name=\"fused_names\" value=\"a\" />\n";
const std::string k_original = k_head + constant(rt_info(where("640") + k_names)) + constant("") +
                               constant(rt_info(k_names)) + k_end;
const std::string k_imported = k_head + constant(rt_info(where("0") + k_names)) +
                               constant(rt_info(where("8"))) +
                               constant(rt_info(where("16") + k_names)) + k_end;

TEST(ImportedTopology, RestoresWhatTheImportReplacedAndAdded) {
    const ImportedTopology topology(k_original);
    EXPECT_EQ(topology.restore(k_imported), k_original);
    EXPECT_EQ(topology.restore(k_original), k_original);
}

// The position of the constants at the import does not matter.
TEST(ImportedTopology, RestoresWithThePlacesOfTheExport) {
    const auto topology = [](const std::vector<std::string>& offsets, bool is_original) {
        auto text = k_head + "\t<layers>\n";
        for (std::size_t i = 0; i < offsets.size(); ++i) {
            text +=
                "\t<layer id=\"0\" type=\"Const\">\n\t\t<data offset=\"" + offsets[i] +
                "\" size=\"4\" />\n" +
                (is_original && i == 1 ? "" : rt_info(where(is_original ? "640" : offsets[i]))) +
                "\t</layer>\n";
        }
        return text + "\t</layers>\n" + k_end;
    };
    const std::vector<std::string> imported = {"131072", "4", "77"};
    const std::vector<std::string> exported = {"0", "1000000000", "12"};
    const ImportedTopology restoring(topology(imported, true));
    EXPECT_EQ(restoring.restore(topology(exported, false)), topology(exported, true));
    EXPECT_EQ(restoring.restore(topology({"0", "1000000000"}, false)), std::nullopt);
}

TEST(ImportedTopology, TellsAnotherTopology) {
    const ImportedTopology topology(k_original);
    EXPECT_EQ(topology.restore(k_head + k_end), std::nullopt);
}

TEST(TopologyCodec, ExportsAsItWas) {
    const TopologyCodec codec(std::nullopt, TopologyCodec::Holds::weights);
    const auto callbacks = codec.callbacks();
    EXPECT_EQ(callbacks.decrypt(encoded(k_original)), k_original);
    EXPECT_EQ(callbacks.encrypt(k_imported), encoded(k_original));
    EXPECT_FALSE(codec.is_unknown());
}

TEST(TopologyCodec, LeavesOutWherePlacesAreUnknown) {
    const TopologyCodec codec(std::nullopt, TopologyCodec::Holds::weights);
    const auto callbacks = codec.callbacks();
    (void)callbacks.decrypt(encoded(k_original));
    const auto other = k_head + constant(rt_info(where("0"))) + k_end;
    EXPECT_EQ(callbacks.encrypt(other), encoded(k_head + constant("") + k_end));
}

TEST(TopologyCodec, TellsUnknownEncodings) {
    const TopologyCodec codec(std::nullopt, TopologyCodec::Holds::weights);
    EXPECT_THROW((void)codec.callbacks().decrypt("something else"), std::runtime_error);
    EXPECT_TRUE(codec.is_unknown());
}

TEST(TopologyCodec, UsesCallbacksOfTheProgram) {
    const auto reversed = [](const std::string& text) {
        return std::string(text.rbegin(), text.rend());
    };
    const TopologyCodec codec(ov::EncryptionCallbacks{reversed, reversed},
                              TopologyCodec::Holds::weights);
    const auto callbacks = codec.callbacks();
    EXPECT_EQ(callbacks.decrypt(reversed(k_original)), k_original);
    EXPECT_EQ(callbacks.encrypt(k_imported), reversed(k_original));
}

TEST(TopologyCodec, FillsUpWhatWasLongerWhenEncoded) {
    const auto longer = [](const std::string& text) { return "nonce" + text; };
    const auto shorter = [](const std::string& text) { return text.substr(5); };
    const TopologyCodec codec(ov::EncryptionCallbacks{longer, shorter},
                              TopologyCodec::Holds::weights);
    const auto callbacks = codec.callbacks();
    EXPECT_EQ(callbacks.decrypt(longer(k_original)), k_original + "\n\n\n\n\n");
    EXPECT_EQ(callbacks.encrypt(k_imported), longer(k_original));
}

}  // namespace
}  // namespace larder::internal::openvino
