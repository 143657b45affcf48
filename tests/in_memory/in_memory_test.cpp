// Goal: a model that a program has just read is not hashed a second time, and always gets the key
// of its bytes. Method: each request in a process of its own, like programs; they share only the
// state directory. The hashed bytes are counted, not timed.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <openvino/op/constant.hpp>
#include <openvino/openvino.hpp>

#include "cache/identify/key.h"
#include "cache/session/session.h"
#include "openvino/request.h"
#include "os/address_space.h"
#include "os/system.h"
#include "small_models/small_models.h"
#include "support/process.h"
#include "support/temporary_directory.h"
#include "support/unable.h"

namespace larder::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_width = 2048;
constexpr std::uint64_t k_layer_bytes = k_width * k_width * sizeof(float);
// The parts of a program's model beside its large weights.
constexpr std::uint64_t k_small_bytes = std::uint64_t{64} << 10;

using Read = std::function<std::shared_ptr<ov::Model>(ov::Core&)>;

struct Asked {
    std::uint64_t hashed_bytes = 0;
    std::string fingerprint;
    std::uint64_t resident_bytes = 0;  // more pages of files than before the request
};

class InMemory : public ::testing::Test {
protected:
    InMemory() {
        save(1, xml_);
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
    }

    // The runtime starts threads, so it is used only in children.
    static void save(std::uint32_t seed, const fs::path& xml) {
        support::Child child([&] {
            ov::save_model(
                larder::testing::dense_model({.seed = seed, .width = k_width, .layers = 1}), xml,
                false);
        });
        ASSERT_EQ(child.wait(), 0);
        // A file that was just written is not remembered.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }

    Asked ask(const Read& read) {
        const auto answer = directory_ / "answer";
        support::Child child([&] {
            ov::Core core;
            const auto model = read(core);
            const os::RealSystem real;
            Log log(LogLevel::error, [](LogLevel, std::string_view) {});
            cache::Session session(real.system(), log, config_);
            openvino::Request request(core, {.path = {}, .model = model, .build = {}}, "CPU", {});
            ASSERT_TRUE(request.identify());
            cache::ModelReference reference;
            reference.origin = cache::ModelOrigin::memory;
            cache::Timing timing;
            const auto before = os::read_memory_info().file_rss_bytes;
            const auto identified = cache::identify(session, request, reference, timing);
            const auto after = os::read_memory_info().file_rss_bytes;
            ASSERT_TRUE(identified) << identified.error().message();
            ASSERT_TRUE(identified->weights);
            std::ofstream(answer) << identified->weights->hashed_bytes << ' '
                                  << identified->inputs.at("model.fingerprint") << ' '
                                  << (after > before ? after - before : 0) << '\n';
        });
        EXPECT_EQ(child.wait(), 0);
        Asked asked;
        std::ifstream(answer) >> asked.hashed_bytes >> asked.fingerprint >> asked.resident_bytes;
        fs::remove(answer);
        EXPECT_FALSE(asked.fingerprint.empty());
        return asked;
    }
    Asked ask() {
        return ask([this](ov::Core& core) { return core.read_model(xml_); });
    }
    // Applies `change` after the model was read.
    Asked ask_after(const std::function<void(ov::Model&)>& change) {
        return ask([&](ov::Core& core) {
            auto model = core.read_model(xml_);
            change(*model);
            return model;
        });
    }

    support::TemporaryDirectory directory_;
    std::string xml_ = directory_ / "model.xml";
    std::string bin_ = directory_ / "model.bin";
    cache::Config config_;
};

TEST_F(InMemory, TheSecondProcessHashesNothing) {
    if (!os::ProcAddressSpace().stamp_tells_content(bin_)) {
        LARDER_UNABLE() << "no simple file system on a disk";
    }
    const auto first = ask();
    EXPECT_GE(first.hashed_bytes, k_layer_bytes);
    const auto second = ask();
    EXPECT_LT(second.hashed_bytes, k_small_bytes);
    EXPECT_EQ(second.fingerprint, first.fingerprint);
}

TEST_F(InMemory, HashingLeavesTheWeightsOutOfMemory) {
    const auto first = ask();
    EXPECT_GE(first.hashed_bytes, k_layer_bytes);
    EXPECT_LT(first.resident_bytes, k_layer_bytes / 2);
    EXPECT_LT(ask().resident_bytes, k_layer_bytes / 2);
}

TEST_F(InMemory, WeightsOnTheHeapGiveTheSameKey) {
    const auto mapped = ask();
    for (int i = 0; i < 2; ++i) {
        const auto copied = ask([this](ov::Core& core) {
            core.set_property(ov::enable_mmap(false));
            return core.read_model(xml_);
        });
        EXPECT_GE(copied.hashed_bytes, k_layer_bytes);
        EXPECT_EQ(copied.fingerprint, mapped.fingerprint);
    }
}

TEST_F(InMemory, WithoutAStateDirectoryTheKeyIsTheSame) {
    const auto remembered = ask();
    config_.state_directory.clear();
    const auto hashed = ask();
    EXPECT_GE(hashed.hashed_bytes, k_layer_bytes);
    EXPECT_EQ(hashed.fingerprint, remembered.fingerprint);
}

TEST_F(InMemory, AnotherByteIsAnotherKeyThoughSizeAndTimeAreKept) {
    const auto before = ask();
    const auto time = fs::last_write_time(bin_);
    support::flip_byte(bin_, k_layer_bytes / 2);
    fs::last_write_time(bin_, time);
    EXPECT_NE(ask().fingerprint, before.fingerprint);
}

TEST_F(InMemory, AFileThatIsReplacedOnceItIsReadCountsAsItWas) {
    const auto before = ask();
    save(2, directory_ / "other.xml");
    const auto during =
        ask_after([this](ov::Model&) { fs::rename(directory_ / "other.bin", bin_); });
    EXPECT_GE(during.hashed_bytes, k_layer_bytes);
    EXPECT_EQ(during.fingerprint, before.fingerprint);
    EXPECT_NE(ask().fingerprint, before.fingerprint);
}

TEST_F(InMemory, AFileThatIsDeletedOnceItIsReadCountsAsItWas) {
    const auto before = ask();
    const auto after = ask_after([this](ov::Model&) { fs::remove(bin_); });
    EXPECT_GE(after.hashed_bytes, k_layer_bytes);
    EXPECT_EQ(after.fingerprint, before.fingerprint);
}

TEST_F(InMemory, WeightsThatTheProgramReplacedAreHashed) {
    const auto before = ask();
    const auto replace = [](ov::Model& model) {
        for (const auto& node : model.get_ordered_ops()) {
            const auto constant = ov::as_type_ptr<ov::op::v0::Constant>(node);
            if (!constant || constant->get_byte_size() != k_layer_bytes) continue;
            const std::vector<float> values(k_width * k_width, 0.25F);
            const auto other = ov::op::v0::Constant::create(constant->get_element_type(),
                                                            constant->get_shape(), values);
            other->set_friendly_name(constant->get_friendly_name());
            ov::replace_node(constant, other);
            return;
        }
        FAIL() << "no large constant";
    };
    (void)ask_after(replace);
    const auto after = ask_after(replace);
    EXPECT_NE(after.fingerprint, before.fingerprint);
    EXPECT_GE(after.hashed_bytes, k_layer_bytes);
    EXPECT_LT(after.hashed_bytes, k_layer_bytes + k_small_bytes);
}

}  // namespace
}  // namespace larder::internal
