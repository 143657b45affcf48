// Measures how fast weights in memory are fingerprinted, compared with the bounds, and the resident
// memory afterwards. Wall time, and the processor time of all threads together.
//
//     [taskset -c 0] hash_speed FILE
//
// Prints one line for each: copying the bytes; BLAKE3 over the heap on one thread; then the
// fingerprint of a model in memory: on the heap, in a mapping of the file, and in the same mapping
// once its digest is remembered.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parallel.h"
#include "model/memory_content.h"

namespace {

using namespace larder::internal;
using Bytes = std::span<const std::byte>;
using Clock = std::chrono::steady_clock;

// Remembers one file, like a machine that has loaded one model before.
class OneFile final : public model::FingerprintMemory {
public:
    std::optional<Digest> find(const os::FileStamp& /*stamp*/) override { return {}; }
    void remember(const os::FileStamp& /*stamp*/, const Digest& /*digest*/) override {}
    std::optional<std::string> find_derived(const os::FileStamp& /*stamp*/,
                                            std::string_view /*kind*/) override {
        return text_;
    }
    void remember_derived(const os::FileStamp& /*stamp*/, std::string_view /*kind*/,
                          std::string_view text) override {
        text_ = text;
    }

private:
    std::optional<std::string> text_;
};

double processor_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(const char* what, std::size_t size_bytes, const std::function<void()>& work) {
    const auto before = os::read_memory_info().rss_bytes;
    const auto processor = processor_seconds();
    const auto start = Clock::now();
    work();
    const auto wall = std::chrono::duration<double>(Clock::now() - start).count();
    const auto spent = processor_seconds() - processor;
    const auto after = os::read_memory_info().rss_bytes;
    const auto size_gb = static_cast<double>(size_bytes) * 1e-9;
    std::printf("%-22s %8.2f ms %8.2f GB/s %8.2f GB/s of processor time %6.0f MB more resident\n",
                what, wall * 1e3, size_gb / wall, size_gb / spent,
                static_cast<double>(after > before ? after - before : 0) * 1e-6);
}

void hash(const char* what, model::FingerprintMemory& memory, Bytes bytes) {
    const os::RealSystem real;
    os::ProcAddressSpace address_space;
    const std::vector<Bytes> ranges{bytes};
    measure(what, bytes.size(), [&] {
        if (!model::hash_memory(real.system(), address_space, memory, ranges)) {
            throw std::runtime_error("cannot hash");
        }
    });
}

void run(const char* path) {
    const int descriptor = ::open(path, O_RDONLY);
    struct stat status{};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0) throw std::runtime_error(path);
    const auto size = static_cast<std::size_t>(status.st_size);
    auto* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) throw std::runtime_error("cannot map");
    const Bytes in_file(static_cast<const std::byte*>(mapped), size);

    std::printf("%u threads, %.0f MB\n", worker_threads(), static_cast<double>(size) * 1e-6);
    OneFile memory;
    hash("mapped, first", memory, in_file);
    hash("mapped, remembered", memory, in_file);
    const std::vector<std::byte> heap(in_file.begin(), in_file.end());
    model::NoMemory none;
    hash("heap", none, heap);
    measure("BLAKE3, one thread", size, [&] { static_cast<void>(hash_chunked(heap)); });
    std::vector<std::byte> copy(std::size_t{4} << 20);
    measure("copy, one thread", size, [&] {
        for (std::size_t at = 0; at + copy.size() <= size; at += copy.size()) {
            std::memcpy(copy.data(), heap.data() + at, copy.size());
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: hash_speed FILE\n";
        return 2;
    }
    try {
        run(argv[1]);
    } catch (const std::exception& error) {
        std::cerr << "hash_speed: " << error.what() << '\n';
        return 1;
    }
}
