// A program with an operation of its own, which does not know of larder.
//
// usage: scale_client MODEL HOW LIBRARY
// HOW is "path" or "model". LIBRARY contains the operation; if it is "-", the program does.
#include <cstdio>
#include <exception>
#include <string>

#include <openvino/openvino.hpp>

#include "scale.h"

int main(int count, char** words) {
    if (count != 4) return 2;
    const std::string model = words[1];
    const std::string how = words[2];
    const std::string library = words[3];
    try {
        ov::Core core;
        if (library == "-") {
            core.add_extension(std::make_shared<ov::OpExtension<Scale>>());
        } else {
            core.add_extension(library);
        }
        auto compiled = how == "path" ? core.compile_model(model, "CPU")
                                      : core.compile_model(core.read_model(model), "CPU");
        auto request = compiled.create_infer_request();
        auto input = request.get_input_tensor();
        for (std::size_t i = 0; i < input.get_size(); ++i) input.data<float>()[i] = 1;
        request.infer();
        std::printf(R"({"output": %g, "loaded": %s})",
                    static_cast<double>(request.get_output_tensor().data<float>()[0]),
                    compiled.get_property(ov::loaded_from_cache) ? "true" : "false");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
