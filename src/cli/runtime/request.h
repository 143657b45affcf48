// Parses the requests of compile and why (device, properties, shapes), and explains errors in them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/failure.h"
#include "larder/larder.hpp"

namespace larder::cli {

// Throws CommandError for anything that is not NAME=VALUE.
[[nodiscard]] ov::AnyMap parse_properties(const std::vector<std::string>& texts);

struct InputShape {
    std::string input;  // empty: the only input
    ov::PartialShape shape;
};
// Each text is "input[1,3,224,224]", or several of them separated by commas.
[[nodiscard]] std::vector<InputShape> parse_shapes(const std::vector<std::string>& texts);
// Throws CommandError if the model does not accept the shapes.
[[nodiscard]] std::shared_ptr<const ov::Model> read_reshaped(ov::Core& core,
                                                             const std::string& path,
                                                             const std::vector<InputShape>& shapes);

// Throws CommandError for a file of weights, and for a folder that is not a model; the message
// names the models that may be meant.
void check_is_model(const std::string& path);
// Throws CommandError if this machine has no such device.
void check_device(ov::Core& core, const std::string& device);
// Throws CommandError if the device certainly knows no property of one of these names.
void check_properties(ov::Core& core, const std::string& device, const ov::AnyMap& properties);
// Throws CommandError if the device refuses the value of a property, whatever the model. Compiles a
// model of one operation.
void check_values(ov::Core& core, const std::string& device, const ov::AnyMap& properties);

// Describes the exception that is being handled, which a request for `model` has thrown.
[[nodiscard]] Failure request_failure(ov::Core& core, const std::string& model,
                                      const std::string& device, const ov::AnyMap& properties);

}  // namespace larder::cli
