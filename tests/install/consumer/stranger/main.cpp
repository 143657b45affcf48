// A program that does not know of larder: prints whether its model came from a cache.
#include <cstdio>
#include <memory>

#include <openvino/op/parameter.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/result.hpp>
#include <openvino/runtime/core.hpp>

int main() {
    auto input = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1, 8});
    auto relu = std::make_shared<ov::op::v0::Relu>(input);
    auto output = std::make_shared<ov::op::v0::Result>(relu);
    const auto model =
        std::make_shared<ov::Model>(ov::ResultVector{output}, ov::ParameterVector{input});
    ov::Core core;
    const auto compiled = core.compile_model(model, "CPU");
    std::puts(compiled.get_property(ov::loaded_from_cache) ? "loaded" : "compiled");
    return 0;
}
