// The interface of the module that `larder serve` loads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/context.h"

namespace larder::cli {

struct ServeFlags {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8484;       // 0: any free port
    std::vector<std::string> hosts;  // names that browsers may use, besides those of loopback
    std::string token_file;          // empty: a token for this run alone
    bool read_only = false;
};

// The name of the module and its function: serves until SIGINT or SIGTERM, and returns the exit
// code. Throws like a verb.
inline constexpr const char* k_serve_module = "liblarder_serve.so";
inline constexpr const char* k_serve_entry = "larder_serve";
extern "C" using Serve = int(const Context& context, const ServeFlags& flags);

}  // namespace larder::cli
