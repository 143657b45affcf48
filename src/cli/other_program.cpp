#include "cli/other_program.h"

#include <chrono>
#include <memory>
#include <optional>
#include <system_error>

#include "cli/child.h"
#include "cli/failure.h"
#include "cli/surroundings.h"

namespace larder::cli {
namespace {

constexpr const char* k_program = "adapters/larder_old";

// Longer than any model takes to compile.
constexpr std::chrono::hours k_verb_timeout{24};

std::string program() { return library_beside(k_program); }

// Returns the failure that a program has printed.
Failure failure_in(const ChildOutcome& outcome, const std::string& verb) {
    constexpr std::string_view k_prefix = "larder: ";
    const auto begin = outcome.error.rfind(k_prefix);
    if (outcome.exit_code < 0 || begin == std::string::npos) {
        return {"'larder " + verb + "' failed for the chosen OpenVINO: " + outcome.error,
                "larder " + verb + " shows more", k_failed};
    }
    const auto text = outcome.error.substr(begin + k_prefix.size());
    const auto end = text.find('\n');
    const auto rest = end == std::string::npos ? std::string{} : text.substr(end);
    const auto remedy = rest.find_first_not_of(" \n");
    return {text.substr(0, end),
            remedy == std::string::npos ? "" : rest.substr(remedy, rest.find_last_not_of('\n')),
            outcome.exit_code};
}

Json answer_of(const std::vector<std::string>& command, const OnErrorLine& on_error_line = {}) {
    const auto outcome = run_child(command, k_verb_timeout, on_error_line);
    auto answer = Json::parse(outcome.out, nullptr, false);
    if (answer.is_object()) return answer;
    throw CommandError(failure_in(outcome, command.at(1)));
}

std::vector<std::string> command_of(const char* verb, const Options& options) {
    return {program(), verb, "--dir", options.directory.string(), "--json"};
}

class OtherProgram final : public Runtime {
public:
    int compile(const Context& /*context*/, const CompileFlags& /*flags*/) override { refuse(); }
    int why(const Context& /*context*/, const WhyFlags& /*flags*/) override { refuse(); }
    int repair(const Context& /*context*/, const VerificationFlags& /*flags*/) override {
        refuse();
    }
    Json explain(const Options& options, const WhyFlags& flags) override {
        auto command = command_of("why", options);
        command.insert(command.end(), {"--device", flags.request.device});
        for (const auto& property : flags.request.properties) {
            command.insert(command.end(), {"--property", property});
        }
        for (const auto& shape : flags.request.shapes) {
            command.insert(command.end(), {"--shape", shape});
        }
        command.insert(command.end(), {"--", flags.model});
        return answer_of(command);
    }
    Json repair_entries(const Options& options, const std::vector<std::string>& keys,
                        const VerifyProgress& progress) override {
        auto command = command_of("repair", options);
        command.emplace_back("--progress-json");
        command.insert(command.end(), keys.begin(), keys.end());
        return answer_of(command, [&](std::string_view line) {
            const auto told = Json::parse(line, nullptr, false);
            if (!told.is_object()) return true;
            return progress(told.value("bytes_done", std::uint64_t{0}),
                            told.value("bytes_total", std::uint64_t{0}));
        });
    }
    std::string try_out(const std::filesystem::path& /*folder*/) override { refuse(); }
    RuntimeReport describe() override { refuse(); }
    std::unique_ptr<Machine> machine() override { refuse(); }

private:
    // A verb gets here only if this process could not become that program, or is a server.
    [[noreturn]] static void refuse() {
        throw CommandError(
            {"the program for releases of OpenVINO up to 2025.4.1 cannot be used "
             "here: '" +
                 program() + "'",
             "install larder anew, or name another OpenVINO: --openvino PATH", k_failed});
    }
};

}  // namespace

bool is_for_other_program(const OpenVino& openvino) {
    return openvino.has_old_strings != (LARDER_OLD_STRINGS != 0);
}

std::string program_for(const OpenVino& openvino) {
    return is_for_other_program(openvino) ? program() : own_program();
}

void become_other_program(const std::vector<std::string>& words) {
    std::optional<OpenVino> openvino;
    try {
        openvino = usable_openvino();
    } catch (const CommandError&) {
        return;  // the verb reports it
    }
    if (!is_for_other_program(*openvino) || is_gone(program())) return;
    if (LARDER_OLD_STRINGS != 0) {
        throw CommandError({"this program is for releases of OpenVINO up to 2025.4.1",
                            "run the program larder", k_failed});
    }
    std::vector<std::string> command{program()};
    command.insert(command.end(), words.begin(), words.end());
    const int error = replace_by(command);
    throw CommandError(
        {"cannot run '" + command.front() + "': " + std::generic_category().message(error),
         "install larder anew, where programs may be executed", k_failed});
}

Runtime* runtime_of_other_program() {
    static OtherProgram other;
    return &other;
}

}  // namespace larder::cli
