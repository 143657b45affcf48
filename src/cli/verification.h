// Common parts of verify and repair.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/progress.h"
#include "larder/store.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours to name
class App;
}

namespace larder::cli {

struct VerificationFlags {
    std::vector<std::string> targets;  // keys or models
    std::string max_rate;
    bool from_the_start = false;
    ProgressForm progress = ProgressForm::bar;
};

void declare_verification(CLI::App& verb, VerificationFlags& flags);
// Returns the keys to verify; empty: all entries. `set_aside` are quarantined entries that can be
// named, too. Throws CommandError, with this exit code, for a name that matches nothing.
[[nodiscard]] std::vector<std::string> keys_to_verify(const Store& store,
                                                      const VerificationFlags& flags, int exit_code,
                                                      const std::vector<EntryInfo>& set_aside = {});
[[nodiscard]] VerifyOptions verify_options(const VerificationFlags& flags);
// Returns "12 entries, 9 objects, 1.2 GB read: all whole".
[[nodiscard]] std::string summary_text(const Context& context, const VerifyReport& report);
[[nodiscard]] std::string findings_text(const Context& context, const VerifyReport& report);

// The exit code is a sum of these.
inline constexpr int k_damaged = 1;
inline constexpr int k_untrusted = 2;
inline constexpr int k_unreadable = 4;

[[nodiscard]] int exit_code_of(const VerifyReport& report);
// The exit code of a shell for a program that SIGINT ended.
inline constexpr int k_interrupted = 130;

}  // namespace larder::cli
