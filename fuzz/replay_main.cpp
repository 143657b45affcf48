// Runs a fuzz target without a fuzzer:
//   <target>_replay [--seconds N] [--seed N] FILE|DIRECTORY…
// replays the target's own seeds and every file given, then mutations of them until the time is up.
// A mutation that fails is written to crash-<seed> in the working directory: keep it in the corpus.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "fuzz_target.h"
#include "model_files/mutate.h"

namespace {

namespace stdfs = std::filesystem;

struct Options {
    std::chrono::seconds duration{5};
    std::uint64_t seed = 1;
    std::vector<std::string> paths;
};

// The current input, for the report of a failure.
std::string g_input;         // NOLINT(readability-identifier-naming)
std::uint64_t g_number = 0;  // NOLINT(readability-identifier-naming)

void keep_input() {
    const std::string name = "crash-" + std::to_string(g_number);
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return;
    const bool kept =
        ::write(file, g_input.data(), g_input.size()) == static_cast<ssize_t>(g_input.size());
    ::close(file);
    std::fprintf(stderr, "%s is the input that failed%s\n", name.c_str(), kept ? "" : ", cut");
}

// Strictly, this is not safe in a signal handler; but the process ends anyway, and the input is
// valuable.
void on_signal(int number) {
    keep_input();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

void run(const std::string& input, std::uint64_t number) {
    g_input = input;
    g_number = number;
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(g_input.data()), g_input.size());
}

std::string read_file(const stdfs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> read_inputs(const std::vector<std::string>& paths) {
    auto inputs = fuzz_seeds();
    for (const auto& path : paths) {
        if (stdfs::is_regular_file(path)) inputs.push_back(read_file(path));
        if (!stdfs::is_directory(path)) continue;
        for (const auto& entry : stdfs::directory_iterator(path)) {
            if (entry.is_regular_file()) inputs.push_back(read_file(entry.path()));
        }
    }
    return inputs;
}

Options parse(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--seconds" && i + 1 < count) {
            options.duration = std::chrono::seconds(std::strtoul(arguments[++i], nullptr, 10));
        } else if (argument == "--seed" && i + 1 < count) {
            options.seed = std::strtoull(arguments[++i], nullptr, 10);
        } else {
            options.paths.push_back(argument);
        }
    }
    return options;
}

}  // namespace

// A sanitizer, if there is one, calls this before it ends the process.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

int main(int count, char** arguments) {
    const auto options = parse(count, arguments);
    std::signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_input);
    const auto inputs = read_inputs(options.paths);
    for (const auto& input : inputs) run(input, 0);

    const auto end = std::chrono::steady_clock::now() + options.duration;
    std::uint64_t number = options.seed;
    while (std::chrono::steady_clock::now() < end) {
        std::mt19937_64 random(number);
        const auto& input = inputs[static_cast<std::size_t>(random() % inputs.size())];
        run(larder::internal::model_files::mutate(input, random), number++);
    }
    std::printf("%zu inputs and %llu mutations from seed %llu on\n", inputs.size(),
                static_cast<unsigned long long>(number - options.seed),
                static_cast<unsigned long long>(options.seed));
    return 0;
}
