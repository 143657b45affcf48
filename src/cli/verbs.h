// Every verb has a file of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours to name
class App;
}

namespace larder::cli {

// Does the work and returns the exit code.
using Run = std::function<int(const Context&)>;

// Each declares its own flags on its subcommand. The returned Run holds their values.
[[nodiscard]] Run declare_scan(CLI::App& verb);
[[nodiscard]] Run declare_clear(CLI::App& verb);
[[nodiscard]] Run declare_compile(CLI::App& verb);
[[nodiscard]] Run declare_compress(CLI::App& verb);
[[nodiscard]] Run declare_config(CLI::App& verb);
[[nodiscard]] Run declare_decompress(CLI::App& verb);
[[nodiscard]] Run declare_dir(CLI::App& verb);
[[nodiscard]] Run declare_doctor(CLI::App& verb);
[[nodiscard]] Run declare_key(CLI::App& verb);
[[nodiscard]] Run declare_ls(CLI::App& verb);
[[nodiscard]] Run declare_pin(CLI::App& verb);
[[nodiscard]] Run declare_prune(CLI::App& verb);
[[nodiscard]] Run declare_pull(CLI::App& verb);
[[nodiscard]] Run declare_push(CLI::App& verb);
[[nodiscard]] Run declare_repair(CLI::App& verb);
[[nodiscard]] Run declare_rm(CLI::App& verb);
[[nodiscard]] Run declare_run(CLI::App& verb);
[[nodiscard]] Run declare_serve(CLI::App& verb);
[[nodiscard]] Run declare_show(CLI::App& verb);
[[nodiscard]] Run declare_stats(CLI::App& verb);
[[nodiscard]] Run declare_top(CLI::App& verb);
[[nodiscard]] Run declare_unpin(CLI::App& verb);
[[nodiscard]] Run declare_verify(CLI::App& verb);
[[nodiscard]] Run declare_why(CLI::App& verb);

// "larder --transfer fetch KEY" and "larder --transfer send", as a program that larder serves
// starts it (cache/tiers/tiers.h): for no user, and in no help. Returns the exit code.
[[nodiscard]] int run_transfer(const std::vector<std::string>& words);

}  // namespace larder::cli
