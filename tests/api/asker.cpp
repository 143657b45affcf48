// A program as users write them: asks larder for a model, runs one inference, prints the result.
//
//     asker DIRECTORY STATE MODEL DEVICE [NAME=VALUE…]
//
// Waits for a line on standard input before it asks. Prints "outcome|digest of outputs|reason".
// Options, as environment variables: ASK_MODE (a mode), ASK_VERIFY=always, ASK_LIMIT=off,
// ASK_CRASH=1 (dies of a segmentation fault after the model was loaded), ASK_STOP=1 (is terminated
// at that point), ASK_MEMORY=1 (reads the model and asks for it in memory), ASK_LOCK_TIMEOUT
// (seconds), ASK_COMPILES (a file to which a line is added per compile).
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include <openvino/openvino.hpp>

#include "asker_outputs.h"
#include "larder/larder.hpp"

namespace {

std::string option(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

larder::Mode mode_named(const std::string& name) {
    if (name == "read-only") return larder::Mode::read_only;
    if (name == "cache-only") return larder::Mode::cache_only;
    if (name == "refresh") return larder::Mode::refresh;
    if (name == "off") return larder::Mode::off;
    return larder::Mode::on;
}

int ask(int argc, char** argv) {
    ov::AnyMap properties;
    for (int i = 5; i < argc; ++i) {
        const std::string pair = argv[i];
        const auto equals = pair.find('=');
        properties[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    larder::Options options;
    options.directory = argv[1];
    options.state_directory = argv[2];
    options.mode = mode_named(option("ASK_MODE"));
    if (option("ASK_VERIFY") == "always") options.verify = larder::Verify::always;
    if (option("ASK_LIMIT") == "off") options.max_size = options.min_free = larder::SizeLimit{};
    if (const auto seconds = option("ASK_LOCK_TIMEOUT"); !seconds.empty()) {
        options.lock_timeout = std::chrono::seconds(std::stoi(seconds));
    }
    larder::Cache cache(options);
    ov::Core core;
    auto result =
        option("ASK_MEMORY").empty()
            ? cache.compile_model(core, std::filesystem::path(argv[3]), argv[4], properties)
            : cache.compile_model(core, core.read_model(argv[3]), argv[4], properties);
    if (result.outcome == larder::Outcome::loaded && !option("ASK_CRASH").empty()) {
        volatile int* volatile nowhere = nullptr;
        *nowhere = 1;
    }
    if (result.outcome == larder::Outcome::loaded && !option("ASK_STOP").empty()) {
        std::raise(SIGTERM);
    }
    std::cout << larder::to_string(result.outcome) << '|'
              << larder::testing::digest_of_outputs(result.model) << '|' << result.reason
              << std::endl;
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    std::string go;
    std::getline(std::cin, go);
    try {
        return ask(argc, argv);
    } catch (const std::exception& error) {
        std::cout << "threw||" << error.what() << std::endl;
        return 1;
    }
}
