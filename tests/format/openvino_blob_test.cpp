// format/openvino_blob.h.
#include "format/openvino_blob.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace larder::internal::format {
namespace {

using namespace std::string_literals;

std::string header(const std::string& runtime_info, const std::string& alignment = "0") {
    return R"(<?xml version="1.0"?><compiled_blob ie_version="2026.4.1-2-abc" file_info="614" )"
           R"(runtime_info=")" +
           runtime_info + R"(" header_size_alignment=")" + alignment + "\"/>\n";
}

// In the format of the CPU plugin.
std::string cpu_payload() {
    const auto requirements = "meta=1.0;isa=AVX2"s;
    return "RR_UPCVO" + little_endian(1, 4) + little_endian(requirements.size(), 8) + requirements +
           little_endian(48, 8) + little_endian(5, 8) + little_endian(53, 8) +
           little_endian(100, 8) + little_endian(153, 8) + little_endian(7, 8) + "<cnn>" +
           std::string(100, '\7') + "<model>";
}

Result<OpenVinoBlob> decode(const std::string& file) {
    return decode_openvino_blob(file.substr(0, k_openvino_head_bytes), file.size());
}

TEST(OpenVinoBlob, OfCpuTellsAll) {
    const auto blob = decode(header("{OV_VERSION:2026.4.1-2-abc}") + cpu_payload());
    ASSERT_TRUE(blob) << blob.error().message();
    EXPECT_EQ(*blob, (OpenVinoBlob{"2026.4.1-2-abc", "{OV_VERSION:2026.4.1-2-abc}", "CPU",
                                   "meta=1.0;isa=AVX2"}));
}

TEST(OpenVinoBlob, OfGpuTellsWhatItNeeds) {
    const auto needs = "meta=1.0;desc=[driver=26.30;ip=9.0.9;eus=24]"s;
    const auto file = header("") + little_endian(1, 4) + "QRR_PEVO" + little_endian(1, 4) +
                      little_endian(needs.size(), 8) + needs;
    const auto blob = decode(file + "kernels and weights");
    ASSERT_TRUE(blob) << blob.error().message();
    EXPECT_EQ(*blob, (OpenVinoBlob{"2026.4.1-2-abc", "", "GPU", needs}));
    EXPECT_EQ(decode(file.substr(0, file.size() - 1)).error().code, Errc::damaged);
}

TEST(OpenVinoBlob, OfHeteroAndOthersTellTheirVersion) {
    const auto hetero = decode(header("") + R"(<?xml version="1.0"?><hetero name="m">)");
    ASSERT_TRUE(hetero) << hetero.error().message();
    EXPECT_EQ(*hetero, (OpenVinoBlob{"2026.4.1-2-abc", "", "HETERO", ""}));
    const auto other = decode(header("a &lt;b&gt; &amp; &quot;c&quot;") + "something");
    ASSERT_TRUE(other) << other.error().message();
    EXPECT_EQ(*other, (OpenVinoBlob{"2026.4.1-2-abc", "a <b> & \"c\"", "", ""}));
}

TEST(OpenVinoBlob, ThePayloadMayBeAligned) {
    auto file = header("", "4096");
    file.resize(4096, '\0');
    EXPECT_EQ(decode(file).error().code, Errc::damaged) << "nothing behind the padding";
    file += cpu_payload();
    EXPECT_EQ(decode(file)->device, "CPU");
    auto far = header("", "1048576");
    far.resize(1 << 20, '\0');
    EXPECT_TRUE(decode(far + "behind what is looked at"));
}

TEST(OpenVinoBlob, ThatIsCutShortIsDamaged) {
    const auto file = header("{OV_VERSION:1}") + cpu_payload();
    for (std::size_t size = 0; size < file.size(); ++size) {
        const auto blob = decode(file.substr(0, size));
        ASSERT_FALSE(blob) << size;
        EXPECT_EQ(blob.error().code, Errc::damaged) << size;
    }
    EXPECT_TRUE(decode(file));
    EXPECT_TRUE(decode(file + "more"));
}

TEST(OpenVinoBlob, WhatIsSomethingElseIsNotOne) {
    for (const auto& file : {"<?xml version=\"1.0\"?><net name=\"m\"/>"s,
                             "\x7F"
                             "ELF"s,
                             "x"s}) {
        EXPECT_EQ(decode(file).error().code, Errc::unsupported) << file;
    }
}

TEST(OpenVinoBlob, AHeaderThatSaysNothingIsDamaged) {
    const auto begin = R"(<?xml version="1.0"?><compiled_blob )"s;
    for (const auto& rest :
         {R"(file_info="1"/>)"s, R"(ie_version=""/>)"s, "/>"s,
          R"(ie_version="1" header_size_alignment="x"/>)"s,
          R"(ie_version="1" header_size_alignment="99999999"/>)"s, R"(<ie_version="1"/>)"s}) {
        const auto blob = decode(begin + rest + "\npayload");
        ASSERT_FALSE(blob) << rest;
        EXPECT_EQ(blob.error().code, Errc::damaged) << rest;
    }
}

TEST(OpenVinoFileNames, AreNumbers) {
    EXPECT_EQ(openvino_file_name("18031633486797225095.blob"), OpenVinoFileName::blob);
    EXPECT_EQ(openvino_file_name("7.cl_cache"), OpenVinoFileName::kernels);
    for (const auto* name : {"m.blob", ".blob", "7", "7.blob.tmp", "7.bin", "-7.blob", "7 .blob",
                             "18446744073709551616.blob", "0x7.blob", ""}) {
        EXPECT_EQ(openvino_file_name(name), OpenVinoFileName::other) << name;
    }
}

}  // namespace
}  // namespace larder::internal::format
