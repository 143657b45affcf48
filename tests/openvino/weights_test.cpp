// Weights that were moved into a file are unchanged.
#include "openvino/weights.h"

#include <cstring>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

#include "os/address_space.h"
#include "os/system.h"
#include "small_models/small_models.h"
#include "support/temporary_directory.h"

namespace larder::internal::openvino {
namespace {

using testing::inputs_of;
using testing::values_of;

class FileScratch final : public runtime::Scratch {
public:
    Result<void> reserve(std::uint64_t size_bytes) override {
        if (size_bytes > room) return fail(Errc::no_space, "full");
        auto file =
            system_.system().fs.open(directory_ / "weights", os::OpenMode::create_exclusive);
        if (!file) return fail(file.error());
        file_ = std::move(*file);
        return {};
    }
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        if (--writes_left < 0) return fail(Errc::io, "broken");
        return file_->write_at(offset, bytes);
    }
    Result<runtime::Blob> map(std::uint64_t size_bytes) override {
        auto mapping = system_.system().fs.map(*file_, size_bytes);
        if (!mapping) return fail(mapping.error());
        const auto bytes = (*mapping)->bytes();
        return runtime::Blob{bytes, std::move(*mapping)};
    }

    std::uint64_t room = std::uint64_t{1} << 30;
    int writes_left = 1000;

private:
    os::RealSystem system_;
    support::TemporaryDirectory directory_;
    std::unique_ptr<os::File> file_;
};

std::vector<float> infer(ov::Core& core, const std::shared_ptr<ov::Model>& model) {
    auto request = core.compile_model(model, "CPU").create_infer_request();
    const auto inputs = inputs_of(*model);
    for (std::size_t i = 0; i < inputs.size(); ++i) request.set_input_tensor(i, inputs[i]);
    request.infer();
    return values_of(request.get_output_tensor());
}

bool lies_in_a_read_only_shared_mapping(std::span<const std::byte> bytes) {
    os::ProcAddressSpace address_space;
    const auto mappings = address_space.file_mappings();
    if (!mappings) return false;
    for (const auto& mapping : *mappings) {
        if (mapping.memory.data() <= bytes.data() &&
            bytes.data() + bytes.size() <= mapping.memory.data() + mapping.memory.size()) {
            return mapping.access == os::Access::read_only &&
                   mapping.sharing == os::Sharing::shared;
        }
    }
    return false;
}

class MovedWeights
    : public ::testing::TestWithParam<std::pair<const char*, std::shared_ptr<ov::Model> (*)()>> {
protected:
    ov::Core core_;
};

TEST_P(MovedWeights, GiveTheSameResults) {
    const auto fresh = GetParam().second();
    const auto moved = GetParam().second();
    {
        FileScratch scratch;
        ASSERT_TRUE(move_weights(*moved, scratch));
    }
    const auto weights = weights_of(*moved);
    const auto before = weights_of(*fresh);
    ASSERT_EQ(weights.size(), before.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        EXPECT_TRUE(lies_in_a_read_only_shared_mapping(weights[i]));
        ASSERT_EQ(weights[i].size(), before[i].size());
        EXPECT_EQ(std::memcmp(weights[i].data(), before[i].data(), before[i].size()), 0);
    }
    EXPECT_EQ(infer(core_, moved), infer(core_, fresh));
}

TEST_P(MovedWeights, StayWhereTheyAreIfTheyCannotMove) {
    const auto model = GetParam().second();
    const auto before = weights_of(*model);
    FileScratch no_room;
    no_room.room = 1;
    EXPECT_EQ(move_weights(*model, no_room).error().code, Errc::no_space);
    FileScratch broken;
    broken.writes_left = 1;
    if (before.size() > 1) {
        EXPECT_EQ(move_weights(*model, broken).error().code, Errc::io);
    }
    const auto after = weights_of(*model);
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i].data(), before[i].data());
}

INSTANTIATE_TEST_SUITE_P(
    Of, MovedWeights,
    ::testing::Values(std::pair{"Dense", +[] { return testing::dense_model(); }},
                      std::pair{"Convolution", +[] { return testing::convolution_model(); }},
                      std::pair{"Attention", +[] { return testing::attention_model(); }},
                      std::pair{"Loop", +[] { return testing::loop_model(); }}),
    [](const auto& test) { return test.param.first; });

}  // namespace
}  // namespace larder::internal::openvino
