// A program that does not know of larder: compiles one model through every overload. Prints one
// line for each: the overload, LOADED_FROM_CACHE, and the outputs.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include <openvino/runtime/core.hpp>

namespace {

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

ov::Tensor weights_of(std::filesystem::path model) {
    const auto bytes = content_of(model.replace_extension(".bin"));
    ov::Tensor weights(ov::element::u8, {bytes.size()});
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(weights.data()));
    return weights;
}

float sum_of_outputs(ov::CompiledModel& model) {
    auto request = model.create_infer_request();
    auto input = request.get_input_tensor();
    auto* const values = input.data<float>();
    for (std::size_t i = 0; i < input.get_size(); ++i) values[i] = static_cast<float>(i % 7);
    request.infer();
    const auto output = request.get_output_tensor();
    float sum = 0;
    for (std::size_t i = 0; i < output.get_size(); ++i) sum += output.data<float>()[i];
    return sum;
}

void report(const char* name, const std::function<ov::CompiledModel()>& compile) {
    try {
        auto model = compile();
        const bool loaded = model.get_property(ov::loaded_from_cache);
        std::printf("%s %s %.9g\n", name, loaded ? "loaded" : "compiled",
                    static_cast<double>(sum_of_outputs(model)));
    } catch (const ov::Exception& error) {
        std::printf("%s failed %s\n", name, error.what());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const std::string device = argc > 2 ? argv[2] : "CPU";
    const std::filesystem::path path = argv[1];
    const std::string text = path.string();
    const std::wstring wide = path.wstring();
    ov::Core core;
    const ov::AnyMap none;
    const auto model = core.read_model(path);
    const auto content = content_of(path);
    const auto weights = weights_of(path);
    report("model_device", [&] { return core.compile_model(model, device, none); });
    report("path_device", [&] { return core.compile_model(path, device, none); });
    report("string_device", [&] { return core.compile_model(text, device, none); });
    report("wstring_device", [&] { return core.compile_model(wide, device, none); });
    report("memory_device", [&] { return core.compile_model(content, weights, device, none); });
    if (argc > 2) return 0;
    report("model", [&] { return core.compile_model(model, none); });
    report("path", [&] { return core.compile_model(path, none); });
    report("string", [&] { return core.compile_model(text, none); });
    report("wstring", [&] { return core.compile_model(wide, none); });
    report("read_string", [&] { return core.compile_model(core.read_model(text), device, none); });
    report("read_wstring", [&] { return core.compile_model(core.read_model(wide), device, none); });
    report("properties", [&] {
        // The default, which depends on the processor: the key is the same.
        const auto precision = core.get_property(device, ov::hint::inference_precision);
        return core.compile_model(model, device, ov::inference_num_threads(1),
                                  ov::hint::inference_precision(precision));
    });
    // The CPU has no contexts: the error comes from OpenVINO.
    report("context",
           [&] { return core.compile_model(model, core.get_default_context(device), none); });
    return 0;
}
