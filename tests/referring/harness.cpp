#include "harness.h"

#include <algorithm>
#include <cstdint>

#include "cache/attempt/serve.h"
#include "openvino/request.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
using namespace internal;
using cache::Outcome;

namespace {

std::vector<std::vector<float>> outputs_of(ov::CompiledModel compiled) {
    auto request = compiled.create_infer_request();
    for (std::size_t i = 0; i < compiled.inputs().size(); ++i) {
        ov::Shape shape;
        for (const auto& dimension : compiled.input(i).get_partial_shape()) {
            shape.push_back(dimension.is_static() ? static_cast<std::size_t>(dimension.get_length())
                                                  : std::size_t{1});
        }
        ov::Tensor tensor(compiled.input(i).get_element_type(), shape);
        // For every type: the same bytes each time.
        auto* const bytes = static_cast<std::uint8_t*>(tensor.data());
        std::fill_n(bytes, tensor.get_byte_size(), std::uint8_t{0});
        if (tensor.get_element_type() == ov::element::f32) {
            auto* const values = tensor.data<float>();
            for (std::size_t j = 0; j < tensor.get_size(); ++j) {
                values[j] = 0.25F + 0.001F * static_cast<float>(j % 997);
            }
        }
        request.set_input_tensor(i, tensor);
    }
    request.infer();
    std::vector<std::vector<float>> outputs;
    for (std::size_t i = 0; i < compiled.outputs().size(); ++i) {
        const auto tensor = request.get_output_tensor(i);
        EXPECT_EQ(tensor.get_element_type(), ov::element::f32);
        outputs.push_back(values_of(tensor));
    }
    return outputs;
}

}  // namespace

std::string_view name_of(const Answer& answer) {
    if (!answer.outcome) return "threw";
    switch (*answer.outcome) {
        case Outcome::compiled: return "compiled";
        case Outcome::loaded: return "loaded";
        case Outcome::waited: return "waited";
        case Outcome::bypassed: return "bypassed";
    }
    return "?";
}

Requester::Requester(const fs::path& root) {
    config_.directory = root / "larder";
    config_.state_directory = root / "state";
}

Answer Requester::ask(const std::string& path, const std::shared_ptr<const ov::Model>& model) {
    try {
        // A fault of the cache causes only a warning.
        Log log(internal::LogLevel::error, [](internal::LogLevel, std::string_view) {});
        cache::Session session({files_, system_.clock, system_.entropy, system_.process}, log,
                               config_);
        openvino::Request request(core_, {.path = path, .model = model, .build = {}}, "CPU", {});
        cache::ModelReference reference;
        reference.path = path;
        if (model) reference.origin = cache::ModelOrigin::memory;
        const auto response = cache::serve(session, request, reference);
        if (!response) return {std::nullopt, response.error().message(), {}};
        return {response->outcome, response->reason, outputs_of(request.take())};
    } catch (const std::exception& exception) {
        return {std::nullopt, exception.what(), {}};
    }
}

Answer Requester::ask(const fs::path& model) { return ask(model.string(), nullptr); }

Answer Requester::ask_in_memory(const fs::path& model) {
    return ask("", core_.read_model(model.string()));
}

Answer Requester::compile(const fs::path& model) {
    try {
        return {Outcome::bypassed, {}, outputs_of(core_.compile_model(model.string(), "CPU"))};
    } catch (const std::exception& exception) {
        return {std::nullopt, exception.what(), {}};
    }
}

void Requester::expect(Outcome outcome, const fs::path& model) {
    const auto answer = ask(model);
    EXPECT_EQ(name_of(answer), name_of({outcome, {}, {}})) << model << ": " << answer.reason;
    EXPECT_TRUE(answer.outputs == compile(model).outputs) << model;
}

void Requester::expect_in_memory(Outcome outcome, const fs::path& model) {
    const auto answer = ask_in_memory(model);
    EXPECT_EQ(name_of(answer), name_of({outcome, {}, {}})) << model << ": " << answer.reason;
    EXPECT_TRUE(answer.outputs == compile(model).outputs) << model;
}

std::uint64_t Requester::kept_bytes() const {
    std::uint64_t bytes = 0;
    if (!fs::exists(config_.directory + "/objects")) return 0;
    for (const auto& file : fs::recursive_directory_iterator(config_.directory + "/objects")) {
        if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
}

void Requester::forget() const {
    fs::remove_all(config_.directory);
    fs::remove_all(config_.state_directory);
}

}  // namespace larder::testing
