// A program that keeps its compiled model in a larder: the second request loads it.
#include <iostream>
#include <memory>

#include <larder/larder.hpp>
#include <larder/store.hpp>
#include <openvino/core/model.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/result.hpp>

namespace {

std::shared_ptr<ov::Model> small_model() {
    auto input = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1, 8});
    auto relu = std::make_shared<ov::op::v0::Relu>(input);
    auto output = std::make_shared<ov::op::v0::Result>(relu);
    return std::make_shared<ov::Model>(ov::ResultVector{output}, ov::ParameterVector{input});
}

}  // namespace

int main(int, char** argv) {
    larder::Options options;
    options.directory = argv[1];
    options.state_directory = options.directory / "state";
    larder::Cache cache(options);
    ov::Core core;
    const larder::Result first = cache.compile_model(core, small_model(), "CPU");
    const larder::Result second = cache.compile_model(core, small_model(), "CPU");
    std::cout << first.outcome << ", then " << second.outcome << '\n';
    const std::size_t entries = larder::Store(options).entries().size();
    return first.outcome == larder::Outcome::compiled &&
                   second.outcome == larder::Outcome::loaded && entries == 1
               ? 0
               : 1;
}
