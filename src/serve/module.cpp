// The function that the module exports to the program.
#include <algorithm>
#include <fstream>  // tidy-allow(streams): the token, which is no part of a larder
#include <iterator>
#include <string>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/serving.h"
#include "cli/text.h"
#include "larder/export.hpp"
#include "serve/server.h"
#include "serve/service.h"

namespace larder::serve {
namespace {

constexpr std::size_t k_token_length_min = 16;

std::string token_of(const cli::ServeFlags& flags) {
    if (flags.token_file.empty()) return make_token();
    std::ifstream file(flags.token_file);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) {
        throw cli::CommandError(
            {"cannot read '" + flags.token_file + "'", "give a file that this user can read"});
    }
    std::string token(cli::trimmed(text));
    const bool is_plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; });
    if (token.size() < k_token_length_min || !is_plain) {
        throw cli::CommandError({"'" + flags.token_file + "' holds no valid token",
                                 "write one word of at least 16 characters into it"});
    }
    return token;
}

// Returns an address in the form that can precede a port.
std::string bracketed(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

Access access_of(const cli::ServeFlags& flags, const Server& server, std::string token) {
    Access access;
    access.hosts = {"localhost", "127.0.0.1", "[::1]", bracketed(flags.address)};
    for (auto host : flags.hosts) {
        std::ranges::transform(host, host.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        access.hosts.push_back(std::move(host));
    }
    access.token = std::move(token);
    access.read_needs_token = !server.is_loopback();
    access.read_only = flags.read_only;
    return access;
}

void announce(const cli::Context& context, const cli::ServeFlags& flags, const Server& server,
              const std::string& token, const std::string& directory) {
    const bool is_any = flags.address == "0.0.0.0" || flags.address == "::";
    const auto host = is_any ? (flags.hosts.empty() ? "localhost" : flags.hosts.front())
                             : bracketed(flags.address);
    const auto plain = "http://" + host + ":" + std::to_string(server.port()) + "/";
    // The part after '#' stays in the browser: no server in between logs it.
    const auto url = plain + "#token=" + token;
    if (context.format() == cli::Format::json) {
        auto json = cli::json_object();
        json["url"] = url;
        json["address"] = flags.address;
        json["port"] = server.port();
        json["token"] = token;
        json["directory"] = directory;
        json["read_only"] = flags.read_only;
        cli::Context::print(cli::json_line(json));
        return;
    }
    cli::Context::print("The dashboard of " + cli::printable(directory) + ":\n\n  " + url +
                        "\n\nAnybody who has this address may " +
                        (flags.read_only ? "look at it." : "change the larder.") +
                        " Metrics are at " + plain + "metrics. Ctrl-C ends it.\n");
}

int serve(const cli::Context& context, const cli::ServeFlags& flags) {
    auto token = token_of(flags);
    const auto settings = context.settings();
    const auto directory = Store(settings.options).directory().string();  // throws if not a larder

    Reader reader(settings.options);
    Server* pushing = nullptr;
    Jobs jobs(settings.options, [&](const cli::Json& job) {
        // Before clients learn that the job is done, and look at the larder.
        if (job["state"] != "running") reader.look_now();
        auto text = cli::json_line(job);
        text.pop_back();
        pushing->publish("job", text);
    });
    Service service(settings, reader, jobs);
    Server server(flags.address, flags.port,
                  [&](const Request& request) { return service.answer(request); });
    pushing = &server;
    service.set_access(access_of(flags, server, token));
    reader.watch([&] { return server.streams() > 0; },
                 [&](const Snapshot& snapshot) {
                     auto text = cli::json_line(service.state_json(snapshot));
                     text.pop_back();
                     server.publish("state", text);
                 });
    announce(context, flags, server, token, directory);
    server.run();
    // Stopped before the server, to which both of them push.
    reader.stop();
    jobs.stop();
    return cli::k_done;
}

}  // namespace
}  // namespace larder::serve

extern "C" LARDER_EXPORT int larder_serve(const larder::cli::Context& context,
                                          const larder::cli::ServeFlags& flags);

int larder_serve(const larder::cli::Context& context, const larder::cli::ServeFlags& flags) {
    return larder::serve::serve(context, flags);
}
