// usage: many_entries DIR COUNT
// Fills the larder in DIR, which must exist, up to COUNT entries that look like those of real
// models, and prints the time to look up one of them. Nothing is synced: the larder is only for
// measurements.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/log.h"
#include "os/system.h"
#include "state/state.h"
#include "store/disk/layout.h"
#include "store/store.h"

namespace stdfs = std::filesystem;
using namespace larder::internal;

namespace {

using Clock = std::chrono::steady_clock;

void write(const std::string& path, const std::string& content) {
    stdfs::create_directories(stdfs::path(path).parent_path());
    std::ofstream file(path, std::ios::binary);
    file << content;
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

// The key inputs of a request for the CPU: a few facts and all properties of the device.
format::Manifest manifest_of(std::size_t number) {
    constexpr std::size_t k_properties = 24;
    constexpr std::size_t k_models = 2000;
    const auto model = std::to_string(number % k_models);
    format::Manifest manifest;
    auto& inputs = manifest.key_inputs;
    inputs["model.fingerprint"] = Hasher("model").update_field(model).finish().hex();
    inputs["device.name"] = "CPU";
    inputs["device.CPU.FULL_DEVICE_NAME"] = "A processor of some kind, 2.50GHz";
    inputs["device.CPU.DEVICE_ARCHITECTURE"] = "x86_64";
    inputs["runtime.openvino"] = "2026.4.1-22982-e213a147257-releases/2026/4";
    inputs["runtime.CPU"] = "2026.4.1-22982-e213a147257-releases/2026/4";
    for (std::size_t i = 0; i < k_properties; ++i) {
        inputs["property.CPU.SOME_PROPERTY_" + std::to_string(i)] = std::to_string(i * number);
    }
    const std::string content = "blob " + std::to_string(number);
    manifest.key = format::key_of(inputs);
    const auto digest = Hasher("object").update_field(content).finish();
    manifest.parts = {{"", digest, content.size()}};
    manifest.model = {"/models/" + model + "/openvino_model.xml",
                      "ir",
                      {{"xml", digest, 250'000}, {"bin", digest, 90'000'000}}};
    manifest.device = "CPU";
    manifest.created_at_ns =
        std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    manifest.compile_ms = number % 10'000;
    manifest.requirements = "meta=1.0;ov=2026.4.1;isa=Intel AVX-512 with AVX512BW";
    return manifest;
}

void print_lookups(store::Store& larder, std::size_t count) {
    std::mt19937_64 random(1);
    constexpr int k_lookups = 2000;
    std::vector<format::Key> keys;
    for (int i = 0; i < k_lookups; ++i) keys.push_back(manifest_of(random() % count).key);
    for (const auto& key : keys) {
        if (!larder.find(key).manifest) throw std::runtime_error("an entry is missing");
    }
    const auto start = Clock::now();
    for (const auto& key : keys) (void)larder.find(key);
    const std::chrono::duration<double, std::micro> took = Clock::now() - start;
    std::cout << "{\"entries\": " << count << ", \"lookup_us\": " << took.count() / k_lookups
              << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) throw std::runtime_error("usage: many_entries DIR COUNT");
        const std::string directory = argv[1];
        const auto count = static_cast<std::size_t>(std::strtoull(argv[2], nullptr, 10));
        os::RealSystem system;
        Log log(LogLevel::warn);
        state::State state(system.system(), log, {});
        store::OpenOptions options;
        options.directory = directory;
        auto larder = store::Store::open(system.system(), log, state, options);
        if (!larder) throw std::runtime_error(larder.error().message());
        const store::Layout layout(directory);
        for (std::size_t i = 0; i < count; ++i) {
            const auto manifest = manifest_of(i);
            const auto path = layout.entry(manifest.key);
            if (stdfs::exists(path)) continue;
            const auto text = format::encode_manifest(manifest);
            if (!text) throw std::runtime_error(text.error().message());
            write(layout.object(manifest.parts[0].object), "blob " + std::to_string(i));
            write(path, *text);
        }
        print_lookups(**larder, count);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "many_entries: " << error.what() << '\n';
        return 1;
    }
}
