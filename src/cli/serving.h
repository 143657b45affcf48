// The module that `larder serve` opens: what it is asked, and what it exports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/context.h"

namespace larder::cli {

struct ServeFlags {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8484;  // 0: one that is free
    std::vector<std::string>
        hosts;               // names under which browsers may ask, besides those of loopback
    std::string token_file;  // empty: a token of this run alone
    bool read_only = false;
};

// By which the module is found, and what it exports: serves until SIGINT or SIGTERM, and returns
// the exit code. Throws as a verb does.
inline constexpr const char* k_serve_module = "liblarder_serve.so";
inline constexpr const char* k_serve_entry = "larder_serve";
extern "C" using Serve = int(const Context& context, const ServeFlags& flags);

}  // namespace larder::cli
