// A program that does not know of larder: compiles a model for contexts of several kinds, gives
// each a tensor of the context as its input, and prints one line for each: the kind,
// LOADED_FROM_CACHE, the device, and a digest of the outputs.
//
// usage: context_client MODEL.xml KIND…
//   device      no context
//   default     the plugin's own
//   own         one of the program's
//   in_order    one of the program's, with a queue
//   any_order   one of the program's, with a queue that may run its commands in any order
#define CL_TARGET_OPENCL_VERSION 300
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <CL/cl.h>
#include <dlfcn.h>
#include <openvino/runtime/core.hpp>

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

ov::RemoteContext context_of(ov::Core& core, const std::string& kind) {
    if (kind == "default") return core.get_default_context("GPU");
    cl_platform_id platform = nullptr;
    cl_device_id device = nullptr;
    cl_int status = OPENCL(clGetPlatformIDs)(1, &platform, nullptr);
    status |= OPENCL(clGetDeviceIDs)(platform, CL_DEVICE_TYPE_GPU, 1, &device, nullptr);
    auto* const context = OPENCL(clCreateContext)(nullptr, 1, &device, nullptr, nullptr, &status);
    ov::AnyMap parameters{{"CONTEXT_TYPE", "OCL"}, {"OCL_CONTEXT", static_cast<void*>(context)}};
    if (kind != "own") {
        const std::array<cl_queue_properties, 3> any_order{
            CL_QUEUE_PROPERTIES, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, 0};
        auto* const queue = OPENCL(clCreateCommandQueueWithProperties)(
            context, device, kind == "any_order" ? any_order.data() : nullptr, &status);
        parameters["OCL_QUEUE"] = static_cast<void*>(queue);
    }
    return core.create_context("GPU", parameters);
}

// A copy may still run when the call returns: waits until it has finished.
bool fill(ov::RemoteTensor& tensor, const ov::Tensor& values) {
    // Never freed, because a late copy back would write to it.
    static std::vector<ov::Tensor> copies;
    auto& back = copies.emplace_back(values.get_element_type(), values.get_shape());
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    tensor.copy_from(values);
    while (std::chrono::steady_clock::now() < end) {
        tensor.copy_to(back);
        if (std::memcmp(back.data(), values.data(), values.get_byte_size()) == 0) return true;
    }
    return false;
}

void report(ov::Core& core, const std::shared_ptr<ov::Model>& model, const std::string& kind) {
    std::optional<ov::RemoteContext> context;
    if (kind != "device") context = context_of(core, kind);
    auto compiled =
        context ? core.compile_model(model, *context) : core.compile_model(model, "GPU");
    auto request = compiled.create_infer_request();
    const auto port = compiled.input();
    auto shape = port.get_partial_shape();
    if (shape[0].is_dynamic()) shape[0] = 8;
    ov::Tensor values(port.get_element_type(), shape.to_shape());
    for (std::size_t i = 0; i < values.get_size(); ++i) {
        values.data<float>()[i] = static_cast<float>(i % 13) * 0.1F;
    }
    if (context) {
        // Made by the program's context: a model of another context would not accept it.
        auto input = context->create_tensor(port.get_element_type(), values.get_shape());
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
    std::printf("%s %s %s %016llx\n", kind.c_str(), loaded ? "loaded" : "compiled",
                devices.front().c_str(), static_cast<unsigned long long>(digest));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    ov::Core core;
    const auto model = core.read_model(argv[1]);
    for (int i = 2; i < argc; ++i) report(core, model, argv[i]);
    return 0;
}
