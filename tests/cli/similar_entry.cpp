// Publishes an entry's objects a second time, as if another request had done it: with other inputs
// in its key, that number of days ago; the input compile_ms sets the compile time. Prints the key.
// usage: similar_entry MANIFEST DAYS NAME=VALUE…
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "format/manifest.h"

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    namespace format = larder::internal::format;
    if (argc < 3) return 2;
    const fs::path path(argv[1]);
    std::ifstream in(path);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    auto manifest =
        format::decode_manifest(text, format::Key::from_hex(path.stem().string()).value()).value();
    const int days = std::stoi(argv[2]);
    manifest.created_at_ns -= std::int64_t{86'400'000'000'000} * days;
    for (int i = 3; i < argc; ++i) {
        const std::string input(argv[i]);
        const auto equals = input.find('=');
        if (input.starts_with("compile_ms=")) {
            manifest.compile_ms = std::stoull(input.substr(equals + 1));
            continue;
        }
        manifest.key_inputs[input.substr(0, equals)] = input.substr(equals + 1);
    }
    manifest.key = format::key_of(manifest.key_inputs);
    const auto key = manifest.key.hex();
    const auto directory = path.parent_path().parent_path() / key.substr(0, 2);
    fs::create_directories(directory);
    const auto similar = directory / (key + ".json");
    std::ofstream(similar) << format::encode_manifest(manifest).value();
    fs::last_write_time(similar, fs::last_write_time(path) - std::chrono::hours(24 * days));
    std::cout << key << '\n';
    return 0;
}
