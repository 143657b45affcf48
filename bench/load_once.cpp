// One process, one load: loads a model in one of the ways that are compared, runs one inference and
// prints the cost as one line of JSON. The driver starts it many times, in turns.
//
//     load_once WAY MODEL CACHE_DIRECTORY [DEVICE [PRECISION]]
//
// The process waits for a line on standard input before it begins, so that several can start
// together; the libraries are loaded by then, the device's plugin is not.
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>
#include <openvino/frontend/manager.hpp>
#include <openvino/openvino.hpp>
#include <sys/resource.h>

#include "larder/larder.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

std::uint64_t status_bytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind(field + ":", 0) == 0) {
            return std::stoull(line.substr(field.size() + 1)) * 1024;
        }
    }
    return 0;
}

std::uint64_t proportional_bytes() {
    std::ifstream rollup("/proc/self/smaps_rollup");
    for (std::string line; std::getline(rollup, line);) {
        if (line.rfind("Pss:", 0) == 0) return std::stoull(line.substr(4)) * 1024;
    }
    return 0;
}

// Of the whole process until now.
void report_usage(nlohmann::json& report) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto ms = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    report["user_ms"] = ms(usage.ru_utime);
    report["system_ms"] = ms(usage.ru_stime);
    report["page_faults"] = usage.ru_minflt + usage.ru_majflt;
}

std::shared_ptr<ov::Model> read(ov::Core& core, const std::string& path) {
    if (path.size() < 5 || path.substr(path.size() - 5) != ".gguf") return core.read_model(path);
    ov::frontend::FrontEndManager manager;
    const auto frontend = manager.load_by_framework("gguf");
    return frontend->convert(frontend->load(path));
}

// The objects that a server holds as long as it runs: their end is no part of a load.
struct Program {
    ov::Core core;
    std::optional<larder::Cache> cache;
};

ov::CompiledModel load(Program& program, const std::string& way, const std::string& model,
                       const std::string& directory, const std::string& device,
                       nlohmann::json& report) {
    auto& core = program.core;
    const bool gguf = model.size() > 5 && model.substr(model.size() - 5) == ".gguf";
    if (way == "none") {
        return gguf ? core.compile_model(read(core, model), device)
                    : core.compile_model(model, device);
    }
    if (way == "openvino-path") {
        return core.compile_model(model, device, ov::cache_dir(directory));
    }
    if (way == "openvino-model") {
        return core.compile_model(read(core, model), device, ov::cache_dir(directory));
    }
    if (way != "larder-path" && way != "larder-model") {
        throw std::invalid_argument("no such way: " + way);
    }
    // The other settings come from the environment, so that they can be compared too.
    auto options = larder::load_settings().options;
    options.directory = directory + "/larder";
    options.state_directory = directory + "/state";
    auto& cache = program.cache.emplace(options);
    auto result = way == "larder-path" ? cache.compile_model(core, model, device)
                                       : cache.compile_model(core, read(core, model), device);
    report["outcome"] = larder::to_string(result.outcome);
    report["reason"] = result.reason;
    return result.model;
}

void infer_once(ov::CompiledModel& compiled) {
    auto request = compiled.create_infer_request();
    for (std::size_t i = 0; i < compiled.inputs().size(); ++i) {
        const auto& port = compiled.input(i);
        ov::Shape shape;
        for (const auto& dimension : port.get_partial_shape()) {
            shape.push_back(dimension.is_static() ? static_cast<std::size_t>(dimension.get_length())
                                                  : std::size_t{1});
        }
        ov::Tensor tensor(port.get_element_type(), shape);
        std::memset(tensor.data(), 0, tensor.get_byte_size());
        request.set_input_tensor(i, tensor);
    }
    request.infer();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4 || argc > 6) {
        std::cerr << "usage: load_once WAY MODEL CACHE_DIRECTORY [DEVICE [PRECISION]]\n";
        return 2;
    }
    std::string go;
    std::getline(std::cin, go);
    try {
        nlohmann::json report;
        const auto start = Clock::now();
        Program program;
        const std::string device = argc > 4 ? argv[4] : "CPU";
        if (argc > 5) {
            program.core.set_property(
                device, ov::AnyMap{{ov::hint::inference_precision.name(), std::string(argv[5])}});
        }
        auto compiled = load(program, argv[1], argv[2], argv[3], device, report);
        report["ready_ms"] = milliseconds(Clock::now() - start);
        report["ready_rss_bytes"] = status_bytes("VmRSS");
        infer_once(compiled);
        report["first_inference_ms"] = milliseconds(Clock::now() - start);
        report_usage(report);
        report["rss_bytes"] = status_bytes("VmRSS");
        report["peak_rss_bytes"] = status_bytes("VmHWM");
        // Every process is measured while all processes still hold their models.
        std::cout << "ready" << std::endl;
        std::getline(std::cin, go);
        report["pss_bytes"] = proportional_bytes();
        std::cout << report.dump() << std::endl;
        std::getline(std::cin, go);
    } catch (const std::exception& error) {
        std::cerr << "load_once: " << error.what() << '\n';
        return 1;
    }
}
