// Measures the cost of a hit in addition to the runtime's own import: in one process whose device
// is loaded, repeatedly, with a new handle each time and with one handle for all.
//
//     hit_cost MODEL CACHE_DIRECTORY
#include <algorithm>
#include <chrono>
#include <iostream>
#include <vector>

#include <nlohmann/json.hpp>
#include <openvino/openvino.hpp>

#include "larder/larder.hpp"

namespace {

constexpr int k_hits = 100;

double milliseconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

double own_ms(const larder::Result& result) {
    if (result.outcome != larder::Outcome::loaded) {
        throw std::runtime_error("not a hit: " + result.reason);
    }
    return milliseconds(result.timing.total - result.timing.import.value_or(result.timing.total));
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: hit_cost MODEL CACHE_DIRECTORY\n";
        return 2;
    }
    try {
        const std::filesystem::path model = argv[1];
        const std::filesystem::path directory = argv[2];
        const larder::Options options{.directory = directory / "larder",
                                      .state_directory = directory / "state"};
        ov::Core core;
        larder::Cache kept(options);
        (void)kept.compile_model(core, model, "CPU");
        std::vector<double> with_new_handle;
        std::vector<double> with_one_handle;
        for (int i = 0; i < k_hits; ++i) {
            larder::Cache cache(options);
            with_new_handle.push_back(own_ms(cache.compile_model(core, model, "CPU")));
            with_one_handle.push_back(own_ms(kept.compile_model(core, model, "CPU")));
        }
        nlohmann::json report;
        report["new_handle_ms"] = median(with_new_handle);
        report["one_handle_ms"] = median(with_one_handle);
        std::cout << report.dump() << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "hit_cost: " << error.what() << '\n';
        return 1;
    }
}
