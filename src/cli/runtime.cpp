#include "cli/runtime.h"

#include "cli/failure.h"
#include "cli/openvinos.h"
#include "cli/other_program.h"
#include "cli/surroundings.h"

namespace larder::cli {
Runtime& open_runtime(const std::filesystem::path& library, const std::filesystem::path& folder) {
    std::string error;
    // The module asks for it by name, and gets this one.
    if (!load(library.string(), error)) {
        throw CommandError({"'" + library.string() + "' cannot be loaded: " + error,
                            "install OpenVINO anew, or name another one: --openvino PATH",
                            k_failed});
    }
    // It asks for the hook beside it by name, too, wherever its own run path leads.
    if (!load((folder / k_hook_library).string(), error)) {
        throw CommandError({"larder cannot use '" + library.string() + "': " + error,
                            "install larder anew", k_failed});
    }
    auto* const open = reinterpret_cast<OpenRuntime*>(
        function_of((folder / k_runtime_module).string(), k_runtime_entry, error));
    if (open == nullptr) {
        throw CommandError({"larder cannot use '" + library.string() + "': " + error,
                            "install larder anew", k_failed});
    }
    return *open();
}

Runtime& runtime() {
    static Runtime* const opened = [] {
        const auto openvino = usable_openvino();
        return is_for_other_program(openvino) ? runtime_of_other_program()
                                              : &open_runtime(openvino.library, openvino.adapter);
    }();
    return *opened;
}

}  // namespace larder::cli
