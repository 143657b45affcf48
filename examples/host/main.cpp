// A host like llama.cpp's OpenVINO backend: it has quantised weights in a file of its own, unpacks
// them, builds a graph from them and compiles that. Through larder.h it identifies the graph by the
// mapped weights and its settings; on a hit it unpacks, builds and compiles nothing.
//
//     host WEIGHTS LARDER
//
// Writes random WEIGHTS if the file does not exist. Prints the outcome, and a sum of the outputs.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "larder/larder.h"

namespace {

constexpr std::size_t k_layers = 8;
constexpr std::size_t k_width = 1024;

// 32 weights of 4 bits that share a scale.
struct Block {
    float scale;
    std::uint8_t weights[16];
};
constexpr std::size_t k_block_weights = 32;
constexpr std::size_t k_layer_blocks = k_width * k_width / k_block_weights;

void write_weights(const std::string& path) {
    std::mt19937 random(1);
    std::vector<Block> blocks(k_layers * k_layer_blocks);
    for (auto& block : blocks) {
        block.scale = 0.005F;
        for (auto& pair : block.weights) pair = static_cast<std::uint8_t>(random());
    }
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(blocks.data()),
               static_cast<std::streamsize>(blocks.size() * sizeof(Block)));
    if (!file) throw std::runtime_error("cannot write " + path);
}

// Mapped for as long as the program runs. larder remembers the digest of a mapped file that does
// not change.
std::span<const Block> map_weights(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (file < 0 || ::fstat(file, &status) != 0) throw std::runtime_error("cannot read " + path);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    ::close(file);
    if (bytes == MAP_FAILED || size != k_layers * k_layer_blocks * sizeof(Block)) {
        throw std::runtime_error(path + " holds no weights of this program");
    }
    return {static_cast<const Block*>(bytes), k_layers * k_layer_blocks};
}

std::shared_ptr<ov::Model> build_graph(std::span<const Block> blocks) {
    using namespace ov::opset13;
    const auto input = std::make_shared<Parameter>(ov::element::f32, ov::Shape{1, k_width});
    ov::Output<ov::Node> last = input;
    for (std::size_t layer = 0; layer < k_layers; ++layer) {
        ov::Tensor weights(ov::element::f32, {k_width, k_width});
        auto* target = weights.data<float>();
        for (const auto& block : blocks.subspan(layer * k_layer_blocks, k_layer_blocks)) {
            for (const auto pair : block.weights) {
                *target++ = block.scale * static_cast<float>((pair & 0xF) - 8);
                *target++ = block.scale * static_cast<float>((pair >> 4) - 8);
            }
        }
        const auto product =
            std::make_shared<MatMul>(last, std::make_shared<Constant>(weights), false, true);
        last = std::make_shared<Tanh>(product);
    }
    return std::make_shared<ov::Model>(ov::OutputVector{last}, ov::ParameterVector{input});
}

// Writes OpenVINO's export directly into the larder.
class SinkBuffer final : public std::streambuf {
public:
    explicit SinkBuffer(larder_sink* sink) : sink_(sink) {}

protected:
    std::streamsize xsputn(const char* bytes, std::streamsize count) override {
        const auto size = static_cast<std::size_t>(count);
        if (larder_sink_write(sink_, at_, bytes, size) != LARDER_OK) return 0;
        at_ += size;
        end_ = std::max(end_, at_);
        return count;
    }
    int_type overflow(int_type byte) override {
        const char text = traits_type::to_char_type(byte);
        return xsputn(&text, 1) == 1 ? byte : traits_type::eof();
    }
    pos_type seekoff(off_type offset, std::ios_base::seekdir from,
                     std::ios_base::openmode) override {
        const auto base = from == std::ios_base::beg ? 0 : from == std::ios_base::cur ? at_ : end_;
        return seekpos(static_cast<off_type>(base) + offset, std::ios_base::out);
    }
    pos_type seekpos(pos_type position, std::ios_base::openmode) override {
        at_ = static_cast<std::uint64_t>(static_cast<off_type>(position));
        return position;
    }

private:
    larder_sink* sink_;
    std::uint64_t at_ = 0;
    std::uint64_t end_ = 0;
};

struct Host {
    ov::Core core;
    std::span<const Block> weights;
    std::shared_ptr<const larder_blob> blob;  // outlives what was imported from it
    ov::CompiledModel compiled;
    std::string failure;
};

// No exception may pass through C.
template <class Work>
int attempt(Host& host, const Work& work) {
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        host.failure = error.what();
        return 1;
    }
}

int compile(void* context) {
    auto& host = *static_cast<Host*>(context);
    return attempt(
        host, [&] { host.compiled = host.core.compile_model(build_graph(host.weights), "CPU"); });
}

int export_blob(void* context, larder_sink* sink) {
    auto& host = *static_cast<Host*>(context);
    return attempt(host, [&] {
        SinkBuffer buffer(sink);
        std::ostream stream(&buffer);
        host.compiled.export_model(stream);
        if (!stream) throw std::runtime_error("the model cannot be written");
    });
}

int import_blob(void* context, const larder_blob* blob) {
    auto& host = *static_cast<Host*>(context);
    return attempt(host, [&] {
        larder_blob_retain(blob);
        host.blob.reset(blob, larder_blob_release);
        const ov::Tensor bytes(ov::element::u8, {larder_blob_size(blob)}, larder_blob_data(blob));
        host.compiled = host.core.import_model(bytes, "CPU");
    });
}

using Cache = std::unique_ptr<larder_cache, decltype(&larder_close)>;
using Result = std::unique_ptr<larder_result, decltype(&larder_result_free)>;

void check(larder_status status, larder_error* error) {
    if (status == LARDER_OK) return;
    const std::string text = error == nullptr ? "no memory" : larder_error_text(error);
    larder_error_free(error);
    throw std::runtime_error(text);
}

Cache open_larder(const char* directory) {
    const larder_setting settings[] = {{"directory", directory}};
    larder_cache* cache = nullptr;
    larder_error* error = nullptr;
    check(larder_open(settings, 1, &cache, &error), error);
    return {cache, &larder_close};
}

Result load(larder_cache* cache, Host& host) {
    const auto runtime = std::string("host 1, OpenVINO ") + ov::get_openvino_version().buildNumber;
    const auto device = "CPU: " + host.core.get_property("CPU", ov::device::full_name);
    const std::string configuration = "layers 8, width 1024, tanh";
    const larder_bytes content[] = {{configuration.data(), configuration.size()},
                                    {host.weights.data(), host.weights.size_bytes()}};
    larder_request request{};
    request.model = "a chain of layers";
    request.content = content;
    request.content_count = 2;
    request.runtime = runtime.c_str();
    request.device = device.c_str();
    const larder_host functions{compile, export_blob, import_blob};
    larder_result* result = nullptr;
    larder_error* error = nullptr;
    const auto status = larder_load(cache, &request, &functions, &host, &result, &error);
    if (status == LARDER_HOST_FAILED) {
        larder_error_free(error);
        throw std::runtime_error(host.failure);
    }
    check(status, error);
    return {result, &larder_result_free};
}

double sum_of_outputs(ov::CompiledModel& compiled) {
    auto request = compiled.create_infer_request();
    ov::Tensor input(ov::element::f32, {1, k_width});
    std::fill_n(input.data<float>(), k_width, 0.5F);
    request.set_input_tensor(input);
    request.infer();
    double sum = 0;
    for (const float value : std::span(request.get_output_tensor().data<float>(), k_width)) {
        sum += value;
    }
    return sum;
}

}  // namespace

int main(int count, char** words) {
    if (count != 3) {
        std::cerr << "usage: host WEIGHTS LARDER\n";
        return 2;
    }
    try {
        if (::access(words[1], F_OK) != 0) write_weights(words[1]);
        Host host;
        host.weights = map_weights(words[1]);
        const auto start = std::chrono::steady_clock::now();
        const auto cache = open_larder(words[2]);
        const auto result = load(cache.get(), host);
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - start;
        const char* const outcomes[] = {"compiled", "loaded", "waited", "bypassed"};
        std::cout << outcomes[larder_result_outcome(result.get())] << ", outputs "
                  << sum_of_outputs(host.compiled) << '\n';
        std::cerr << "ready after " << took.count() << " ms\n";
    } catch (const std::exception& error) {
        std::cerr << "host: " << error.what() << '\n';
        return 1;
    }
}
