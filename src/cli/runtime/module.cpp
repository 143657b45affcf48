// The functions that the module exports to the program.
#include "cli/runtime.h"
#include "cli/runtime/verbs.h"
#include "larder/export.hpp"

namespace larder::cli {
namespace {

class OpenVinoRuntime final : public Runtime {
public:
    int compile(const Context& context, const CompileFlags& flags) override {
        return cli::compile(context, flags);
    }
    int why(const Context& context, const WhyFlags& flags) override {
        return cli::why(context, flags);
    }
    int repair(const Context& context, const VerificationFlags& flags) override {
        return cli::repair(context, flags);
    }
    Json explain(const Options& options, const WhyFlags& flags) override {
        return cli::explain(options, flags);
    }
    Json repair_entries(const Options& options, const std::vector<std::string>& keys,
                        const VerifyProgress& progress) override {
        return cli::repair_entries(options, keys, progress);
    }
    std::string try_out(const std::filesystem::path& folder) override {
        return cli::try_out(folder);
    }
    RuntimeReport describe() override { return describe_runtime(); }
    std::unique_ptr<Machine> machine() override { return machine_here(); }
};

}  // namespace
}  // namespace larder::cli

extern "C" LARDER_EXPORT larder::cli::Runtime* larder_verbs_open();

larder::cli::Runtime* larder_verbs_open() {
    static larder::cli::OpenVinoRuntime runtime;
    return &runtime;
}
