#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/verbs.h"

namespace larder::cli {

Run declare_dir(CLI::App& /*verb*/) {
    return [](const Context& context) {
        Context::print(context.options().directory.string() + "\n");
        return k_done;
    };
}

}  // namespace larder::cli
