// Measures the fingerprint of a graph in memory without its weights, which are hashed separately
// (hash_speed) and remembered. Processor time, because nothing waits.
//
//     graph_speed MODEL
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <span>
#include <stdexcept>
#include <vector>

#include <openvino/openvino.hpp>

#include "openvino/graph_fingerprint.h"

namespace {

using namespace larder::internal;

constexpr int k_rounds = 50;

class NoWeights final : public runtime::MemoryHasher {
public:
    Result<std::vector<Digest>> hash(std::span<const std::span<const std::byte>> ranges) override {
        return std::vector<Digest>(ranges.size());
    }
};

double processor_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: graph_speed MODEL\n";
        return 2;
    }
    try {
        ov::Core core;
        const auto model = core.read_model(argv[1]);
        std::vector<double> spent;
        for (int i = 0; i < k_rounds; ++i) {
            NoWeights hasher;
            const auto start = processor_ms();
            if (!openvino::fingerprint_graph(*model, hasher)) throw std::runtime_error("refused");
            spent.push_back(processor_ms() - start);
        }
        const auto first = spent.front();
        std::ranges::sort(spent);
        std::cout << model->get_ops().size() << " operations: first " << first << " ms, median "
                  << spent[spent.size() / 2] << " ms, best " << spent.front() << " ms\n";
    } catch (const std::exception& error) {
        std::cerr << "graph_speed: " << error.what() << '\n';
        return 1;
    }
}
