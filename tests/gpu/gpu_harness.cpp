#include "gpu_harness.h"

#include <cstdlib>
#include <random>
#include <sstream>

#include <openvino/opsets/opset13.hpp>

#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace op = ov::opset13;
namespace {

void fill_waves(ov::Tensor& tensor, std::size_t number) {
    auto* const values = tensor.data<float>();
    for (std::size_t i = 0; i < tensor.get_size(); ++i) {
        values[i] = std::sin(static_cast<float>(i + 7 * number) * 0.37F);
    }
}

}  // namespace

bool is_on_rig() { return std::getenv("OPENCL_LAYERS") != nullptr; }

std::string answers_of(ov::CompiledModel& compiled) {
    std::ostringstream text;
    auto request = compiled.create_infer_request();
    for (const std::size_t size : {1U, 7U, 3U}) {
        for (std::size_t i = 0; i < compiled.inputs().size(); ++i) {
            ov::Shape shape;
            for (const auto& dimension : compiled.input(i).get_partial_shape()) {
                shape.push_back(dimension.is_static()
                                    ? static_cast<std::size_t>(dimension.get_length())
                                    : size);
            }
            ov::Tensor tensor(ov::element::f32, shape);
            fill_waves(tensor, size + i);
            request.set_input_tensor(i, tensor);
        }
        request.infer();
        for (std::size_t i = 0; i < compiled.outputs().size(); ++i) {
            const auto tensor = request.get_output_tensor(i);
            const std::string_view bytes(static_cast<const char*>(tensor.data()),
                                         tensor.get_byte_size());
            text << tensor.get_shape() << std::hash<std::string_view>{}(bytes) << ' ';
        }
    }
    return text.str();
}

std::shared_ptr<ov::Model> layers_model(const LayersShape& shape) {
    const auto random_weights = [](const ov::Shape& of, std::uint32_t seed) {
        std::mt19937 random(seed);
        std::vector<float> values(ov::shape_size(of));
        // Few enough to be compressed.
        for (auto& value : values) value = (static_cast<float>(random() % 17) - 8.0F) / 64.0F;
        return op::Constant::create(ov::element::f32, of, values);
    };
    const auto x = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{1, shape.width});
    ov::Output<ov::Node> h = x;
    const auto add_layer = [&](std::size_t outputs, std::size_t inputs, std::uint32_t seed) {
        const auto w = random_weights({outputs, inputs}, seed);
        h = std::make_shared<op::Relu>(std::make_shared<op::MatMul>(h, w, false, true));
    };
    add_layer(2 * shape.width, shape.width, 1);
    add_layer(shape.width, 2 * shape.width, 2);
    add_layer(shape.width, shape.width, 100 + shape.seed);
    const auto sum =
        std::make_shared<op::ReduceMean>(h, op::Constant::create(ov::element::i64, {1}, {1}), true);
    const auto y = std::make_shared<op::Add>(sum, random_weights({1, shape.tail}, 99));
    auto model =
        std::make_shared<ov::Model>(ov::OutputVector{h, y}, ov::ParameterVector{x}, "layers");
    // Generated names become longer, and blobs with them.
    int number = 100;
    for (const auto& node : model->get_ordered_ops()) {
        node->set_friendly_name("node " + std::to_string(number++));
    }
    return model;
}

void GpuTest::SetUp() {
    for (const auto& device : core_.get_available_devices()) {
        if (!device.starts_with("GPU")) continue;
        // One of its kernels crashes in the rig's runtime.
        if (is_on_rig()) core_.set_property("GPU", {{"GPU_ENABLE_SDPA_OPTIMIZATION", "NO"}});
        return;
    }
    LARDER_UNABLE() << "OpenVINO finds no GPU; scripts/setup_gpu makes a rig that looks like one";
}

Options GpuTest::options() const {
    Options options{.directory = directory_, .state_directory = state_};
    options.log_sink = [](LogLevel, std::string_view) {};
    return options;
}

Answer GpuTest::ask_gpu(const fs::path& model,
                        std::map<std::string, std::string> environment) const {
    return ask({.model = model, .device = "GPU", .environment = std::move(environment)});
}

void GpuTest::expect_process(const fs::path& model, const std::string& outcome,
                             const std::string& outputs,
                             std::map<std::string, std::string> environment) const {
    const auto answer = ask_gpu(model, std::move(environment));
    EXPECT_EQ(answer.outcome, outcome) << answer.reason << ", signal " << answer.signal;
    EXPECT_EQ(answer.outputs, outputs);
}

std::vector<fs::path> GpuTest::objects() const {
    auto files = files_in("objects");
    std::erase_if(files, [](const fs::path& file) { return file.extension() == ".chunks"; });
    return files;
}

}  // namespace larder::testing
