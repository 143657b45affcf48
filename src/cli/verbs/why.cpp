#include <memory>

#include <CLI/CLI.hpp>

#include "cli/request_flags.h"
#include "cli/verbs.h"

namespace larder::cli {

Run declare_why(CLI::App& verb) {
    auto flags = std::make_shared<WhyFlags>();
    verb.add_option("MODEL", flags->model, "A model, as compile takes it")->required();
    declare_request(verb, flags->request);
    return [flags](const Context& context) { return runtime().why(context, *flags); };
}

}  // namespace larder::cli
