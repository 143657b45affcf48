// A program that does not know of larder: compiles a model for contexts of several kinds, gives
// each a tensor of the context as its input, and prints one line for each: the kind,
// LOADED_FROM_CACHE, the device, and a digest of the outputs.
//
// usage: context_client [--threads] MODEL.xml KIND…
//   device      no context
//   default     the plugin's own
//   own         one of the program's
//   in_order    one of the program's, with a queue
//   any_order   one of the program's, with a queue that may run its commands in any order
//   let_go      one of the program's, which it releases before the model runs
//   forked      the plugin's own; the program has a child that ends before the model runs
// With --threads each has a thread of its own, and all compile, and run, at once.
#define CL_TARGET_OPENCL_VERSION 300
#include <array>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CL/cl.h>
#include <dlfcn.h>
#include <openvino/runtime/core.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void* opencl_function(const char* name) {
    static void* const library = ::dlopen("libOpenCL.so.1", RTLD_NOW);
    void* const function = library == nullptr ? nullptr : ::dlsym(library, name);
    if (function == nullptr) {
        std::fprintf(stderr, "there is no %s\n", name);
        std::exit(2);
    }
    return function;
}

#define OPENCL(name) reinterpret_cast<decltype(&(name))>(opencl_function(#name))

// A context, and the program's own part in it.
struct Context {
    ov::RemoteContext context;
    cl_context own = nullptr;
};

Context context_of(ov::Core& core, const std::string& kind) {
    if (kind == "default" || kind == "forked") return {core.get_default_context("GPU")};
    cl_platform_id platform = nullptr;
    cl_device_id device = nullptr;
    cl_int status = OPENCL(clGetPlatformIDs)(1, &platform, nullptr);
    status |= OPENCL(clGetDeviceIDs)(platform, CL_DEVICE_TYPE_GPU, 1, &device, nullptr);
    auto* const context = OPENCL(clCreateContext)(nullptr, 1, &device, nullptr, nullptr, &status);
    ov::AnyMap parameters{{"CONTEXT_TYPE", "OCL"}, {"OCL_CONTEXT", static_cast<void*>(context)}};
    if (kind == "in_order" || kind == "any_order") {
        const std::array<cl_queue_properties, 3> any_order{
            CL_QUEUE_PROPERTIES, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, 0};
        auto* const queue = OPENCL(clCreateCommandQueueWithProperties)(
            context, device, kind == "any_order" ? any_order.data() : nullptr, &status);
        parameters["OCL_QUEUE"] = static_cast<void*>(queue);
    }
    return {core.create_context("GPU", parameters), context};
}

// A copy may still run when the call returns: waits until it has finished.
bool fill(ov::RemoteTensor& tensor, const ov::Tensor& values) {
    // Never freed, because a late copy back would write to it.
    static std::vector<ov::Tensor> copies;
    static std::mutex mutex_of_copies;
    ov::Tensor back(values.get_element_type(), values.get_shape());
    {
        const std::lock_guard lock(mutex_of_copies);
        copies.push_back(back);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    tensor.copy_from(values);
    while (std::chrono::steady_clock::now() < end) {
        tensor.copy_to(back);
        if (std::memcmp(back.data(), values.data(), values.get_byte_size()) == 0) return true;
    }
    return false;
}

bool fork_and_wait() {
    const auto child = ::fork();
    if (child == 0) ::_exit(0);
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

template <typename Ready>
std::string report(ov::Core& core, const std::shared_ptr<ov::Model>& model, const std::string& kind,
                   Ready ready) {
    std::optional<Context> made;
    if (kind != "device") made = context_of(core, kind);
    auto compiled =
        made ? core.compile_model(model, made->context) : core.compile_model(model, "GPU");
    if (kind == "let_go") {
        OPENCL(clReleaseContext)(made->own);
        made.reset();
    }
    if (kind == "forked" && !fork_and_wait()) std::exit(2);
    ready();
    auto request = compiled.create_infer_request();
    const auto port = compiled.input();
    auto shape = port.get_partial_shape();
    if (shape[0].is_dynamic()) shape[0] = 8;
    ov::Tensor values(port.get_element_type(), shape.to_shape());
    for (std::size_t i = 0; i < values.get_size(); ++i) {
        values.data<float>()[i] = static_cast<float>(i % 13) * 0.1F;
    }
    if (made) {
        // Made by the program's context: a model of another would not take it.
        auto input = made->context.create_tensor(port.get_element_type(), values.get_shape());
        if (!fill(input, values)) {
            std::fprintf(stderr, "the context does not take the input\n");
            std::exit(2);
        }
        request.set_input_tensor(input);
    } else {
        request.set_input_tensor(values);
    }
    std::uint64_t digest = 1469598103934665603U;
    for (int i = 0; i < 2; ++i) {
        request.infer();
        const auto output = request.get_output_tensor();
        const auto* const bytes = static_cast<const std::uint8_t*>(output.data());
        for (std::size_t at = 0; at < output.get_byte_size(); ++at) {
            digest = (digest ^ bytes[at]) * 1099511628211U;
        }
    }
    const bool loaded = compiled.get_property(ov::loaded_from_cache);
    const auto devices = compiled.get_property(ov::execution_devices);
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(digest));
    return kind + (loaded ? " loaded " : " compiled ") + devices.front() + ' ' + text.data();
}

void report_at_once(ov::Core& core, const std::shared_ptr<ov::Model>& model,
                    const std::vector<std::string>& kinds) {
    std::vector<std::string> lines(kinds.size());
    std::barrier all(static_cast<std::ptrdiff_t>(kinds.size()));
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            threads.emplace_back([&, i] {
                lines[i] = report(core, model, kinds[i], [&] { all.arrive_and_wait(); });
            });
        }
    }
    for (const auto& line : lines) std::puts(line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool at_once = !words.empty() && words.front() == "--threads";
    if (at_once) words.erase(words.begin());
    if (words.size() < 2) return 2;
    ov::Core core;
    const auto model = core.read_model(words.front());
    words.erase(words.begin());
    if (at_once) {
        report_at_once(core, model, words);
    } else {
        for (const auto& kind : words) std::puts(report(core, model, kind, [] {}).c_str());
    }
    return 0;
}
