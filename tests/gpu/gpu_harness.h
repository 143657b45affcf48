// A larder on a machine with a GPU: the rig's, or a real one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

#include "asking/harness.h"
#include "larder/larder.hpp"
#include "larder/store.hpp"

namespace larder::testing {

// Whether the GPU is the rig's, whose variables can simulate another machine.
[[nodiscard]] bool is_on_rig();

// The bits of all outputs of three inferences in one request, with different shapes if the model is
// dynamic.
[[nodiscard]] std::string answers_of(ov::CompiledModel& compiled);

// Three layers of random weights, 5 `width`² of them, and `tail` more constants, each of which
// makes a blob two bytes larger. Models of another `seed` differ in the last layer alone, a fifth
// of them.
struct LayersShape {
    std::size_t width = 64;
    std::size_t tail = 64;
    std::uint32_t seed = 1;
};
[[nodiscard]] std::shared_ptr<ov::Model> layers_model(const LayersShape& shape);

class GpuTest : public LarderTest {
protected:
    void SetUp() override;

    // Of a process of its own.
    [[nodiscard]] Answer ask_gpu(const std::filesystem::path& model,
                                 std::map<std::string, std::string> environment = {}) const;
    void expect_process(const std::filesystem::path& model, const std::string& outcome,
                        const std::string& outputs,
                        std::map<std::string, std::string> environment = {}) const;

    // Runs in this process. Expects the outcome, and the answers of a fresh compile without larder.
    template <class Model>
    Result expect(const Model& model, Outcome outcome, const std::string& answers,
                  const std::string& device = "GPU", const ov::AnyMap& properties = {}) {
        auto result = Cache(options()).compile_model(core_, model, device, properties);
        EXPECT_EQ(to_string(result.outcome), std::string(to_string(outcome))) << result.reason;
        EXPECT_EQ(answers_of(result.model), answers);
        return result;
    }
    template <class Model>
    std::string fresh(const Model& model, const std::string& device = "GPU",
                      const ov::AnyMap& properties = {}) {
        auto compiled = core_.compile_model(model, device, properties);
        return answers_of(compiled);
    }

    [[nodiscard]] Options options() const;
    [[nodiscard]] Store store() const { return Store(options()); }
    // Files of blobs and of the objects beside them, without chunk lists.
    [[nodiscard]] std::vector<std::filesystem::path> objects() const;

    ov::Core core_;
};

}  // namespace larder::testing
