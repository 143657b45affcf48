#include <memory>

#include <CLI/CLI.hpp>

#include "cli/runtime.h"
#include "cli/verbs.h"

namespace larder::cli {

Run declare_repair(CLI::App& verb) {
    auto flags = std::make_shared<VerificationFlags>();
    declare_verification(verb, *flags);
    return [flags](const Context& context) { return runtime().repair(context, *flags); };
}

}  // namespace larder::cli
