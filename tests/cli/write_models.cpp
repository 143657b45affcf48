// Writes the models that the tests of the program use, as IR, into the directory it is given.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <openvino/pass/serialize.hpp>

#include "small_models/small_models.h"

int main(int argc, char** argv) {
    if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
        std::fputs("usage: write_models DIR\n", stderr);
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    const auto write = [&](const std::shared_ptr<ov::Model>& model, const std::string& name) {
        ov::pass::Serialize((folder / (name + ".xml")).string(),
                            (folder / (name + ".bin")).string())
            .run_on_model(model);
    };
    write(larder::testing::dense_model(), "dense");
    write(larder::testing::dense_model({.seed = 2}), "other");
    write(larder::testing::convolution_model(), "convolution");
    return 0;
}
