// usage: linked_program LARDER MODEL
// Asks for a model by path, then in memory; prints the OpenVINO that it runs on, and for each
// request a line with its outcome and the first output of an inference of zeros.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include <larder/larder.hpp>
#include <openvino/openvino.hpp>

namespace {

void answer(const larder::Result& result) {
    auto compiled = result.model;
    auto request = compiled.create_infer_request();
    auto input = request.get_input_tensor();
    std::fill_n(input.data<float>(), input.get_size(), 0.0F);
    request.infer();
    std::cout << to_string(result.outcome) << ' ' << request.get_output_tensor().data<float>()[0]
              << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) return EXIT_FAILURE;
    const std::string model = argv[2];
    std::cout << ov::get_openvino_version().buildNumber << '\n';
    larder::Options options;
    options.directory = argv[1];
    options.publish = larder::Publish::first;
    larder::Cache cache(options);
    ov::Core core;
    answer(cache.compile_model(core, model, "CPU"));
    answer(cache.compile_model(core, core.read_model(model), "CPU"));
    try {
        static_cast<void>(cache.compile_model(core, model + ".missing", "CPU"));
    } catch (const std::exception& error) {
        std::cout << (std::string(error.what()).empty() ? "no message" : "refused") << '\n';
    }
    return EXIT_SUCCESS;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
}
