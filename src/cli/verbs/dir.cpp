#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/verbs.h"

namespace larder::cli {

Run declare_dir(CLI::App& /*verb*/) {
    return [](const Context& context) {
        const auto directory = context.options().directory.string();
        if (directory.empty()) {
            throw CommandError({"there is no place for a larder: this user has no home directory",
                                "set LARDER_DIR or HOME"});
        }
        if (context.format() == Format::json) {
            auto json = json_object();
            json["directory"] = directory;
            Context::print(json_line(json));
        } else {
            Context::print(directory + "\n");
        }
        return k_done;
    };
}

}  // namespace larder::cli
