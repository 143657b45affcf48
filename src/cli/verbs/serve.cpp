#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/serving.h"
#include "cli/surroundings.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

// Returns the message for a text that is no port, as a check of the parser returns it.
std::string port_error(const std::string& text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error == std::errc{} && end == text.data() + text.size()) return {};
    return "'" + text + "' is not a port, which is a number up to 65535";
}

}  // namespace

Run declare_serve(CLI::App& verb) {
    auto flags = std::make_shared<ServeFlags>();
    verb.add_option("--address", flags->address,
                    "The address to listen on; on other addresses than loopback, reading needs the "
                    "token, too")
        ->type_name("IP")
        ->capture_default_str();
    verb.add_option("--port", flags->port, "The port to listen on; 0 chooses a free one")
        ->type_name("N")
        ->capture_default_str()
        ->check(port_error);
    verb.add_option("--host", flags->hosts,
                    "A host name that browsers may use, besides localhost (repeatable)")
        ->type_name("NAME")
        ->allow_extra_args(false);
    verb.add_option("--token-file", flags->token_file,
                    "A file with the token for actions; default: a new one each time")
        ->type_name("FILE");
    verb.add_flag("--read-only", flags->read_only, "Allow no changes");
    return [flags](const Context& context) {
        std::string error;
        auto* const serve = reinterpret_cast<Serve*>(
            function_of(library_beside(k_serve_module), k_serve_entry, error));
        if (serve == nullptr) {
            throw CommandError({"cannot open the dashboard: " + error, "reinstall larder"});
        }
        return serve(context, *flags);
    };
}

}  // namespace larder::cli
