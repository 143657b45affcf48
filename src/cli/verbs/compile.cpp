#include <memory>

#include <CLI/CLI.hpp>

#include "cli/request_flags.h"
#include "cli/verbs.h"

namespace larder::cli {

void declare_request(CLI::App& verb, RequestFlags& flags) {
    verb.add_option("--device", flags.device, "The device to compile for")
        ->type_name("NAME")
        ->capture_default_str();
    verb.add_option("--property", flags.properties, "An OpenVINO property (repeatable)")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    verb.add_option("--shape", flags.shapes,
                    "Reshape before compiling: 'input[1,3,224,224]' (repeatable)")
        ->type_name("SHAPE")
        ->allow_extra_args(false);
}

Run declare_compile(CLI::App& verb) {
    auto flags = std::make_shared<CompileFlags>();
    verb.add_option("MODEL", flags->models,
                    "A model: .xml, .onnx, .gguf, .tflite, .pdmodel, .pb or a SavedModel")
        ->required();
    declare_request(verb, flags->request);
    verb.add_flag("--best-effort", flags->best_effort,
                  "Exit with 0 also if a model was compiled but could not be stored");
    return [flags](const Context& context) { return runtime().compile(context, *flags); };
}

}  // namespace larder::cli
