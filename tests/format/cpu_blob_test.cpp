// format/cpu_blob.h, on blobs that the test writes. tests/openvino uses blobs of the plugin.
#include "format/cpu_blob.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "samples.h"

namespace larder::internal::format {
namespace {

constexpr std::uint64_t k_page = 4096;

using Range = std::pair<std::uint64_t, std::uint64_t>;  // offset in the section, bytes

struct HandmadeBlob {
    std::string requirements = "isa=AVX2";
    std::string custom = "<?xml version=\"1.0\"?>\n<cnndata />\n";
    std::string constants;
    std::vector<Range> mentions;
    std::string key = "\x30\x60\x70";

    [[nodiscard]] std::string topology() const {
        auto text = std::string(k_topology_begin) + "<net name=\"m\">\n\t<layers>\n";
        for (const auto& [offset, bytes] : mentions) {
            text +=
                "\t\t<layer id=\"0\" type=\"Const\">\n\t\t\t<data element_type=\"u8\" offset=\"" +
                std::to_string(offset) + "\" size=\"" + std::to_string(bytes) +
                "\" />\n\t\t</layer>\n";
        }
        text += "\t</layers>\n" + std::string(k_topology_end);
        for (std::size_t i = 0; i < text.size(); ++i) {
            text[i] = static_cast<char>(text[i] ^ key[i % key.size()]);
        }
        return text;
    }
    [[nodiscard]] std::string head() const {
        std::string text;
        if (!requirements.empty()) {
            text = "RR_UPCVO" + little_endian(1, 4) + little_endian(requirements.size(), 8) +
                   requirements;
        }
        const auto begin = 48 + custom.size();
        for (const auto number : {std::size_t{48}, custom.size(), begin, constants.size(),
                                  begin + constants.size(), topology().size()}) {
            text += little_endian(number, 8);
        }
        return text + custom;
    }
    [[nodiscard]] std::string bytes() const { return head() + constants + topology(); }
};

HandmadeBlob sample_blob() {
    HandmadeBlob blob;
    for (int i = 0; i < 30'000; ++i) blob.constants += static_cast<char>(i * 7 + i / 251);
    blob.mentions = {{100, 5000}, {0, 100}, {100, 5000}, {5100, 3}, {5103, 20'000}, {25'200, 4000}};
    return blob;
}

std::span<const std::byte> view(const std::string& text) { return std::as_bytes(std::span(text)); }

Result<CpuBlob> parsed(const std::string& bytes) {
    const auto sections = find_cpu_sections(view(bytes), bytes.size());
    if (!sections) return fail(sections.error());
    return parse_cpu_blob(view(bytes).first(sections->constants.offset),
                          view(bytes).subspan(sections->topology.offset), bytes.size());
}
Errc refusal_of(const std::string& bytes) {
    const auto blob = parsed(bytes);
    return blob ? Errc::io : blob.error().code;
}

std::string compose(const std::string& bytes, const CpuBlob& blob, const CpuLayout& layout) {
    std::string composed(layout.blob_bytes, '\0');
    composed.replace(0, layout.head.size(), text_of(layout.head));
    for (std::size_t i = 0; i < blob.constants.size(); ++i) {
        const auto& [offset, size] = blob.constants[i];
        composed.replace(layout.offsets[i], size, bytes, offset, size);
    }
    return composed.replace(layout.topology_offset, layout.topology.size(),
                            text_of(layout.topology));
}

// The contents of the topology's constants, in its order.
std::vector<std::string> contents(const std::string& bytes) {
    const auto blob = parsed(bytes);
    EXPECT_TRUE(blob) << blob.error().message();
    std::vector<std::string> all;
    for (const auto& mention : blob->mentions) {
        all.push_back(
            bytes.substr(blob->sections.constants.offset + mention.offset, mention.bytes));
    }
    return all;
}

TEST(CpuBlob, TellsItsConstants) {
    const auto bytes = sample_blob().bytes();
    const auto blob = parsed(bytes);
    ASSERT_TRUE(blob) << blob.error().message();
    const auto begin = sample_blob().head().size();
    EXPECT_EQ(blob->sections.constants, (CpuSection{begin, 30'000}));
    EXPECT_EQ(blob->sections.topology.end(), bytes.size());
    EXPECT_EQ(blob->constants, (std::vector<CpuConstant>{{begin, 100},
                                                         {begin + 100, 5000},
                                                         {begin + 5100, 3},
                                                         {begin + 5103, 20'000},
                                                         {begin + 25'200, 4000}}));
    EXPECT_EQ(blob->mentions.size(), 6U);
}

TEST(CpuBlob, OfOlderVersionsHasNoRequirements) {
    auto older = sample_blob();
    older.requirements.clear();
    const auto blob = parsed(older.bytes());
    ASSERT_TRUE(blob) << blob.error().message();
    EXPECT_EQ(blob->sections.numbers, 0U);
    const std::vector<std::optional<Elsewhere>> nowhere(blob->constants.size());
    const auto layout = relayout(*blob, nowhere, k_page);
    EXPECT_EQ(contents(compose(older.bytes(), *blob, *layout)), contents(older.bytes()));
}

TEST(CpuBlob, IsLaidOutByFiles) {
    const auto bytes = sample_blob().bytes();
    const auto blob = parsed(bytes);
    const std::uint64_t far = k_run_gap_bytes_max + 10'000;
    // The files have another order, two constants are close to each other, and one is in no file.
    const std::vector<std::optional<Elsewhere>> wanted = {Elsewhere{1, 9'000}, Elsewhere{0, far},
                                                          std::nullopt, Elsewhere{1, 9'100},
                                                          Elsewhere{0, far - 4'500}};
    const auto layout = relayout(*blob, wanted, k_page);
    ASSERT_TRUE(layout) << layout.error().message();
    ASSERT_EQ(layout->runs.size(), 2U);
    for (const auto& run : layout->runs) {
        EXPECT_EQ(run.source_offset % k_page, 0U);
        EXPECT_EQ(run.blob_offset % k_page, 0U);
    }
    const auto& [first, second] = std::pair(layout->runs[0], layout->runs[1]);
    EXPECT_EQ(first.source_offset, (far - 4'500) / k_page * k_page);
    EXPECT_EQ(first.bytes, far + 5'000 - first.source_offset);
    EXPECT_EQ(second, (CpuRun{1, 8'192, second.blob_offset, 9'100 + 20'000 - 8'192}));
    EXPECT_EQ(layout->offsets[1] - layout->offsets[4], 4'500U);
    EXPECT_EQ(layout->offsets[3] - layout->offsets[0], 100U);
    EXPECT_GE(layout->offsets[2], layout->head.size());
    EXPECT_LT(layout->offsets[2], k_page) << "with the head";
    EXPECT_EQ(layout->topology_offset % k_page, 0U);
    EXPECT_EQ(contents(compose(bytes, *blob, *layout)), contents(bytes));
}

TEST(CpuBlob, KeepsTogetherWhatIsNowhereElse) {
    const auto bytes = sample_blob().bytes();
    const auto blob = parsed(bytes);
    const std::vector<std::optional<Elsewhere>> nowhere(blob->constants.size());
    const auto layout = relayout(*blob, nowhere, k_page);
    ASSERT_TRUE(layout);
    EXPECT_TRUE(layout->runs.empty());
    EXPECT_LE(layout->blob_bytes, bytes.size() + 500);
    for (std::size_t i = 0; i < layout->offsets.size(); ++i) {
        EXPECT_EQ(layout->offsets[i] % (blob->constants[i].bytes < 64 ? 8 : 64), 0U);
    }
    EXPECT_EQ(contents(compose(bytes, *blob, *layout)), contents(bytes));
}

TEST(CpuBlob, PutsEqualConstantsInOnePlace) {
    HandmadeBlob handmade;
    handmade.constants = std::string(9'000, 'a');
    handmade.mentions = {{0, 3'000}, {3'000, 3'000}, {6'000, 3'000}, {4, 0}};
    const auto blob = parsed(handmade.bytes());
    const std::vector<std::optional<Elsewhere>> one(3, Elsewhere{0, 5'000});
    const auto layout = relayout(*blob, one, k_page);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->offsets, std::vector<std::uint64_t>(3, k_page + 5'000 - k_page));
    const auto composed = compose(handmade.bytes(), *blob, *layout);
    EXPECT_EQ(contents(composed), contents(handmade.bytes()));
    EXPECT_EQ(parsed(composed)->constants.size(), 1U);
}

TEST(CpuBlob, PutsConstantsInOnePlaceThatAreSaidToBeEqual) {
    HandmadeBlob handmade;
    handmade.constants = std::string(9'000, 'a') + std::string(500, 'b');
    handmade.mentions = {{0, 3'000}, {3'000, 3'000}, {6'000, 3'000}, {9'000, 500}};
    const auto blob = parsed(handmade.bytes());
    std::vector<std::optional<Elsewhere>> wanted(4);
    std::vector<std::size_t> same_as{0, 0, 2, 3};
    const auto layout = relayout(*blob, wanted, k_page, same_as);
    ASSERT_TRUE(layout) << layout.error().message();
    EXPECT_EQ(layout->offsets[0], layout->offsets[1]);
    EXPECT_LT(layout->offsets[1], layout->offsets[2]);
    const auto composed = compose(handmade.bytes(), *blob, *layout);
    EXPECT_EQ(contents(composed), contents(handmade.bytes()));
    EXPECT_EQ(parsed(composed)->constants.size(), 3U);
    const auto refusal = [&] {
        const auto refused = relayout(*blob, wanted, k_page, same_as);
        return refused ? Errc::io : refused.error().code;
    };
    same_as = {0, 2, 2, 3};
    EXPECT_EQ(refusal(), Errc::invalid_argument) << "one behind it";
    same_as = {0, 0, 2, 0};
    EXPECT_EQ(refusal(), Errc::invalid_argument) << "of another size";
    same_as = {0, 0, 2};
    EXPECT_EQ(refusal(), Errc::invalid_argument) << "too few";
    same_as = {0, 0, 2, 3};
    wanted[0] = Elsewhere{0, 5'000};
    EXPECT_EQ(refusal(), Errc::invalid_argument) << "which has a place of its own";
}

TEST(CpuBlob, WhoseConstantsOverlapDoesNotGrow) {
    auto overlapping = sample_blob();
    overlapping.mentions = {{0, 30'000}, {1, 29'999}};
    const auto bytes = overlapping.bytes();
    const auto blob = parsed(bytes);
    ASSERT_TRUE(blob);
    std::vector<std::optional<Elsewhere>> wanted(2);
    EXPECT_EQ(relayout(*blob, wanted, k_page).error().code, Errc::unsupported);
    wanted = {Elsewhere{0, 50}, Elsewhere{0, 51}};
    const auto layout = relayout(*blob, wanted, k_page);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->offsets[1], layout->offsets[0] + 1);
    EXPECT_EQ(contents(compose(bytes, *blob, *layout)), contents(bytes));
}

TEST(CpuBlob, CannotBeLaidOutInVain) {
    const auto blob = parsed(sample_blob().bytes());
    const auto refusal = [&](std::size_t count, std::uint64_t offset, std::uint64_t page_bytes) {
        const std::vector<std::optional<Elsewhere>> wanted(count, Elsewhere{0, offset});
        const auto layout = relayout(*blob, wanted, page_bytes);
        return layout ? Errc::io : layout.error().code;
    };
    const auto count = blob->constants.size();
    EXPECT_EQ(refusal(count, 0, k_page), Errc::io) << "nothing is wrong";
    EXPECT_EQ(refusal(count - 1, 0, k_page), Errc::invalid_argument);
    EXPECT_EQ(refusal(count + 1, 0, k_page), Errc::invalid_argument);
    for (const std::uint64_t page_bytes : {0U, 64U, 2048U, 5000U, 1U << 21U}) {
        EXPECT_EQ(refusal(count, 0, page_bytes), Errc::invalid_argument);
    }
    for (const auto offset : {k_cpu_blob_bytes_max, ~std::uint64_t{0}, ~std::uint64_t{4999}}) {
        EXPECT_EQ(refusal(count, offset, k_page), Errc::invalid_argument);
    }
}

TEST(CpuBlob, IsRefusedForWhatIsUnknown) {
    EXPECT_EQ(refusal_of(""), Errc::unsupported);
    EXPECT_EQ(refusal_of(std::string(200, 'x')), Errc::unsupported);
    auto bytes = sample_blob().bytes();
    bytes[8] = 2;
    EXPECT_EQ(refusal_of(bytes), Errc::unsupported) << "another version of the header";
    auto other = sample_blob();
    other.custom.clear();
    EXPECT_EQ(refusal_of(other.bytes()), Errc::unsupported) << "nothing to append blanks to";
    other = sample_blob();
    other.key = std::string("a key that is longer than the plugin's");
    EXPECT_EQ(refusal_of(other.bytes()), Errc::unsupported);
}

TEST(CpuBlob, IsDamagedIfAnythingLiesOutside) {
    const auto bytes = sample_blob().bytes();
    for (std::size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 97) {
        EXPECT_EQ(refusal_of(bytes.substr(0, size)), size < 8 ? Errc::unsupported : Errc::damaged);
    }
    EXPECT_EQ(refusal_of(bytes + '\n'), Errc::damaged);
    const auto numbers = parsed(bytes)->sections.numbers;
    for (std::size_t i = 0; i < 48; ++i) {
        auto changed = bytes;
        changed[numbers + i] = static_cast<char>(changed[numbers + i] ^ 0x41);
        EXPECT_EQ(refusal_of(changed), Errc::damaged) << i;
    }
    for (const auto& range : {Range{30'000, 1}, Range{29'999, 2}, Range{30'001, 0},
                              Range{~std::uint64_t{0}, 2}, Range{2, ~std::uint64_t{0}}}) {
        auto outside = sample_blob();
        outside.mentions.push_back(range);
        EXPECT_EQ(refusal_of(outside.bytes()), Errc::damaged);
    }
}

TEST(CpuBlob, IsNotPutTogetherFromOtherSections) {
    const auto bytes = sample_blob().bytes();
    const auto sections = *find_cpu_sections(view(bytes), bytes.size());
    const auto head = view(bytes).first(sections.constants.offset);
    const auto topology = view(bytes).subspan(sections.topology.offset);
    const auto code_of = [&](std::span<const std::byte> h, std::span<const std::byte> t) {
        return parse_cpu_blob(h, t, bytes.size()).error().code;
    };
    EXPECT_EQ(code_of(view(bytes).first(head.size() + 1), topology), Errc::invalid_argument);
    EXPECT_EQ(code_of(head.first(head.size() - 1), topology), Errc::invalid_argument);
    EXPECT_EQ(code_of(head, topology.subspan(1)), Errc::invalid_argument);
}

}  // namespace
}  // namespace larder::internal::format
