// One process that loads several models in a row, as a pipeline does, and prints the times as one
// line of JSON. The driver, pipeline.py, starts it many times, in turns.
//
//     pipeline WAY CACHE_DIRECTORY MODEL…
//
// Ways: openvino (CACHE_DIR), larder (one handle for all), larder-alone (a handle for each model,
// which does not know of the others, so that nothing is read ahead).
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <openvino/openvino.hpp>

#include "larder/larder.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

ov::CompiledModel load(larder::Cache& cache, ov::Core& core, const std::filesystem::path& model) {
    auto result = cache.compile_model(core, model, "CPU");
    if (result.outcome == larder::Outcome::bypassed) throw std::runtime_error(result.reason);
    return result.model;
}

nlohmann::json run(const std::string& way, const std::string& directory,
                   const std::vector<std::string>& paths) {
    const larder::Options options{.directory = directory + "/larder",
                                  .state_directory = directory + "/state"};
    nlohmann::json report;
    std::vector<ov::CompiledModel> models;
    std::vector<larder::Cache> caches;  // outlive what they loaded
    const auto start = Clock::now();
    ov::Core core;
    for (const auto& path : paths) {
        if (way == "openvino") {
            models.push_back(core.compile_model(path, "CPU", ov::cache_dir(directory)));
        } else {
            if (way != "larder" || caches.empty()) caches.emplace_back(options);
            models.push_back(load(caches.back(), core, path));
        }
        report["ready_ms"].push_back(milliseconds_since(start));
    }
    return report;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::cerr << "usage: pipeline WAY CACHE_DIRECTORY MODEL...\n";
        return 2;
    }
    try {
        std::cout << run(argv[1], argv[2], {argv + 3, argv + argc}).dump() << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "pipeline: " << error.what() << '\n';
        return 1;
    }
}
