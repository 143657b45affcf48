// Goal: a blob of the real CPU plugin with moved constants is the same model: equal outputs, and
// its export has the bytes of the first export.
#include "format/cpu_blob.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

#include "compiled_models.h"
#include "openvino/topology_codec.h"
#include "small_models/small_models.h"
#include "support/temporary_directory.h"

namespace larder::internal::openvino {
namespace {

using testing::CompiledModelCase;

std::string exported(ov::CompiledModel model) {
    std::stringstream stream;
    model.export_model(stream);
    return stream.str();
}

std::vector<std::string> all_outputs(ov::CompiledModel model) {
    auto request = model.create_infer_request();
    for (const auto& input : model.inputs()) {
        request.set_tensor(input, testing::tensor_for(input));
    }
    request.infer();
    std::vector<std::string> all;
    for (const auto& output : model.outputs()) {
        const auto tensor = request.get_tensor(output);
        all.emplace_back(static_cast<const char*>(tensor.data()), tensor.get_byte_size());
    }
    return all;
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

Result<format::CpuBlob> parse(const std::string& blob) {
    const auto bytes = bytes_of(blob);
    const auto sections = format::find_cpu_sections(bytes, blob.size());
    if (!sections) return fail(sections.error());
    return format::parse_cpu_blob(
        bytes.first(sections->constants.offset),
        bytes.subspan(sections->topology.offset, sections->topology.bytes), blob.size());
}

// Page-aligned memory, filled with values that no constant has.
class PageMemory {
public:
    explicit PageMemory(std::size_t size_bytes)
        : bytes_(static_cast<char*>(::operator new(size_bytes, k_alignment))), size_(size_bytes) {
        std::memset(bytes_, 0x7B, size_);
    }
    PageMemory(const PageMemory&) = delete;
    PageMemory& operator=(const PageMemory&) = delete;
    ~PageMemory() { ::operator delete(bytes_, k_alignment); }

    void put(std::uint64_t offset, std::span<const std::byte> bytes) {
        std::memcpy(bytes_ + offset, bytes.data(), bytes.size());
    }
    [[nodiscard]] std::span<const std::byte> bytes() const {
        return std::as_bytes(std::span(bytes_, size_));
    }

private:
    static constexpr std::align_val_t k_alignment{65536};
    char* bytes_;
    std::size_t size_;
};

std::unique_ptr<PageMemory> composed(const std::string& blob, const format::CpuBlob& parsed,
                                     const format::CpuLayout& layout) {
    auto memory = std::make_unique<PageMemory>(layout.blob_bytes);
    memory->put(0, layout.head);
    for (std::size_t i = 0; i < parsed.constants.size(); ++i) {
        const auto& constant = parsed.constants[i];
        memory->put(layout.offsets[i], bytes_of(blob).subspan(constant.offset, constant.bytes));
    }
    memory->put(layout.topology_offset, layout.topology);
    return memory;
}

// Two files with constants in random order, with gaps of any size or none; one in five is in no
// file.
std::vector<std::optional<format::Elsewhere>> random_places(const format::CpuBlob& blob,
                                                            std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::size_t> order(blob.constants.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::shuffle(order, random);
    std::vector<std::optional<format::Elsewhere>> wanted(order.size());
    std::uint64_t next[2] = {random() % 10000, random() % 10000};
    for (const auto i : order) {
        if (random() % 5 == 0) continue;
        const std::uint32_t source = random() % 2;
        const std::uint64_t gaps[] = {0, random() % 100, random() % 5000, random() % 1'000'000'000};
        const auto offset = next[source] + gaps[random() % 4];
        wanted[i] = format::Elsewhere{source, offset};
        next[source] = offset + blob.constants[i].bytes;
    }
    return wanted;
}

void expect_places(const format::CpuBlob& blob,
                   const std::vector<std::optional<format::Elsewhere>>& wanted,
                   const format::CpuLayout& layout, std::uint64_t page_bytes) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i]) continue;
        EXPECT_EQ(layout.offsets[i] % page_bytes, wanted[i]->offset % page_bytes);
        const auto run = std::ranges::find_if(layout.runs, [&](const format::CpuRun& each) {
            return each.source == wanted[i]->source && each.blob_offset <= layout.offsets[i] &&
                   layout.offsets[i] + blob.constants[i].bytes <= each.blob_offset + each.bytes;
        });
        ASSERT_NE(run, layout.runs.end());
        EXPECT_EQ(layout.offsets[i] - run->blob_offset, wanted[i]->offset - run->source_offset);
    }
}

class RewrittenCpuBlob : public ::testing::TestWithParam<CompiledModelCase> {
protected:
    void SetUp() override {
        const auto model = core_.compile_model(GetParam().make(), "CPU", GetParam().properties);
        original_ = exported(model);
        const auto imported = import(bytes_of(original_));
        outputs_ = all_outputs(imported);
        exported_ = exported(imported);
        EXPECT_EQ(exported_ == original_, !GetParam().has_generated_names);
    }

    ov::CompiledModel import(std::span<const std::byte> bytes,
                             std::shared_ptr<const void> owner = nullptr) {
        const TopologyCodec codec(std::nullopt, TopologyCodec::Holds::weights);
        auto properties = GetParam().properties;
        properties[ov::cache_encryption_callbacks.name()] = codec.callbacks();
        kept_.push_back(codec.bound_to({bytes, std::move(owner)}));
        const auto* const data = bytes.data();
        return core_.import_model({ov::element::u8, {bytes.size()}, data}, "CPU", properties);
    }

    void expect_the_same_model(const format::CpuBlob& blob, const format::CpuLayout& layout) {
        const std::shared_ptr<PageMemory> memory = composed(original_, blob, layout);
        const auto model = import(memory->bytes(), memory);
        EXPECT_EQ(all_outputs(model), outputs_);
        EXPECT_TRUE(exported(model) == exported_);
    }

    ov::Core core_;
    std::string original_;
    std::string exported_;  // after an import of the original
    std::vector<std::string> outputs_;
    std::vector<runtime::Blob> kept_;
};

TEST_P(RewrittenCpuBlob, IsTheSameModel) {
    const auto blob = parse(original_);
    ASSERT_TRUE(blob) << blob.error().message();
    ASSERT_FALSE(blob->constants.empty());
    std::uint32_t seed = 0;
    for (const std::uint64_t page_bytes : {4096U, 16384U, 65536U}) {
        for (int i = 0; i < 3; ++i) {
            SCOPED_TRACE("seed " + std::to_string(++seed));
            const auto wanted = random_places(*blob, seed);
            const auto layout = format::relayout(*blob, wanted, page_bytes);
            ASSERT_TRUE(layout) << layout.error().message();
            expect_places(*blob, wanted, *layout, page_bytes);
            expect_the_same_model(*blob, *layout);
        }
    }
}

// Constants with equal bytes may share a place, although the plugin writes each of them.
TEST_P(RewrittenCpuBlob, IsTheSameModelWithEqualConstantsInOnePlace) {
    const auto blob = parse(original_);
    ASSERT_TRUE(blob) << blob.error().message();
    std::map<std::string, format::Elsewhere> places;
    std::vector<std::optional<format::Elsewhere>> wanted;
    std::uint64_t next = 12'345;
    for (const auto& [offset, bytes] : blob->constants) {
        const auto content = original_.substr(offset, bytes);
        const auto [place, is_new] = places.try_emplace(content, format::Elsewhere{0, next});
        wanted.emplace_back(place->second);
        if (is_new) next += bytes;
    }
    const auto layout = format::relayout(*blob, wanted, 4096);
    ASSERT_TRUE(layout) << layout.error().message();
    expect_the_same_model(*blob, *layout);
}

INSTANTIATE_TEST_SUITE_P(Of, RewrittenCpuBlob, ::testing::ValuesIn(testing::compiled_model_cases()),
                         [](const auto& test) { return test.param.name; });

// Changes digits of offsets in the topology: the plugin refuses both layouts, or gets the same
// result.
TEST(DamagedCpuBlob, IsNoOtherModelIfItIsRewritten) {
    ov::Core core;
    const auto blob = exported(core.compile_model(testing::convolution_model(), "CPU"));
    const auto whole = parse(blob);
    ASSERT_TRUE(whole) << whole.error().message();
    const auto outcome = [&](std::span<const std::byte> bytes) {
        try {
            return all_outputs(
                core.import_model({ov::element::u8, {bytes.size()}, bytes.data()}, "CPU"));
        } catch (const std::exception&) {
            return std::vector<std::string>{"refused"};
        }
    };
    int rewritten = 0;
    for (const auto& mention : whole->mentions) {
        for (const std::size_t digit : {std::size_t{0}, mention.digits - 1, mention.digits + 8}) {
            for (const int flip : {1, 4, 16}) {
                auto damaged = blob;
                auto& byte = damaged[whole->sections.topology.offset + mention.position + digit];
                byte = static_cast<char>(byte ^ flip);
                const auto parsed = parse(damaged);
                if (!parsed) continue;
                const std::vector<std::optional<format::Elsewhere>> nowhere(
                    parsed->constants.size());
                const auto layout = format::relayout(*parsed, nowhere, 4096);
                if (!layout) continue;
                ++rewritten;
                EXPECT_EQ(outcome(composed(damaged, *parsed, *layout)->bytes()),
                          outcome(bytes_of(damaged)));
            }
        }
    }
    EXPECT_GT(rewritten, 0);
}

TEST(CpuBlobOfThePlugin, WithoutWeightsIsTheSameModel) {
    const support::TemporaryDirectory directory;
    ov::serialize(testing::dense_model(), directory / "m.xml");
    ov::Core core;
    const ov::AnyMap compact{ov::cache_mode(ov::CacheMode::OPTIMIZE_SIZE)};
    const auto blob = exported(core.compile_model(directory / "m.xml", "CPU", compact));
    const auto parsed = parse(blob);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_LT(parsed->sections.constants.bytes, 1000U) << "of three times 16 KiB";
    const auto layout = format::relayout(*parsed, random_places(*parsed, 1), 4096);
    ASSERT_TRUE(layout) << layout.error().message();
    const auto with_weights = [&](std::span<const std::byte> bytes) {
        auto properties = compact;
        properties[ov::weights_path.name()] = directory / "m.bin";
        return all_outputs(
            core.import_model({ov::element::u8, {bytes.size()}, bytes.data()}, "CPU", properties));
    };
    EXPECT_EQ(with_weights(composed(blob, *parsed, *layout)->bytes()),
              with_weights(bytes_of(blob)));
}

TEST(CpuBlobOfThePlugin, ThatIsEncryptedIsRefused) {
    const auto reversed = [](const std::string& text) {
        return std::string(text.rbegin(), text.rend());
    };
    ov::Core core;
    const auto blob = exported(core.compile_model(
        testing::dense_model(), "CPU",
        ov::cache_encryption_callbacks(ov::EncryptionCallbacks{reversed, reversed})));
    EXPECT_EQ(parse(blob).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace larder::internal::openvino
