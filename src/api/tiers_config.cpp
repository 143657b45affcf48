#include "api/tiers_config.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "os/environment.h"
#include "process/own_program.h"

namespace larder::api {
namespace {

// The variables that the program `larder` needs of the host: how to reach a storage, and where
// libraries and this user's files are. Above all not LD_PRELOAD, nor those of larder itself.
constexpr std::array<std::string_view, 15> k_passed{
    "AWS_",        "CURL_CA_BUNDLE",  "SSL_CERT_",      "HOME",       "NETRC",       "HTTP_PROXY",
    "HTTPS_PROXY", "NO_PROXY",        "ALL_PROXY",      "http_proxy", "https_proxy", "no_proxy",
    "all_proxy",   "XDG_CONFIG_HOME", "LD_LIBRARY_PATH"};

// "For ever" is no time that can be added to others.
constexpr std::chrono::seconds k_wait_for_machine_max = std::chrono::hours(24);

std::string limit_text(const SizeLimit& limit) {
    if (limit.bytes > 0) return std::to_string(limit.bytes) + "B";
    return limit.percent > 0 ? std::to_string(limit.percent) + "%" : "0";
}

std::string joined(const auto& parts, char separator) {
    std::string text;
    for (const auto& part : parts) {
        if (!text.empty()) text += separator;
        text += std::string(part);
    }
    return text;
}

bool sends_to(const std::string& url, bool has_key) {
    const auto flags = url.substr(std::min(url.find('?'), url.size()));
    return flags.find("read-only") == std::string::npos &&
           (has_key || flags.find("unsigned") != std::string::npos);
}

}  // namespace

internal::cache::TierConfig tier_config(const internal::os::System& system,
                                        const Configuration& configuration) {
    internal::cache::TierConfig config;
    if (configuration.remote.empty()) return config;
    config.urls = configuration.remote;
    config.timeout = configuration.remote_timeout;
    const auto lock_timeout = std::min(configuration.lock_timeout, k_wait_for_machine_max);
    config.lock_timeout = lock_timeout;
    config.state_directory = configuration.state_directory.string();
    config.program = internal::process::own_program(system.fs);
    const bool has_key = !configuration.signing_key.empty();
    config.sends = std::ranges::any_of(
        config.urls, [&](const std::string& url) { return sends_to(url, has_key); });
    auto& environment = config.environment;
    for (const auto& [name, value] : internal::os::environment(k_passed)) {
        auto& variable = environment.emplace_back(name);
        variable.append("=").append(value);
    }
    const auto set = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) environment.push_back("LARDER_" + std::string(name) + "=" + value);
    };
    set("DIR", configuration.directory.string());
    set("STATE_DIR", config.state_directory);
    // The larder is written to in any case. If nobody may compile, nobody is to wait for that.
    set("MODE", configuration.mode == Mode::cache_only ? "cache-only" : "on");
    set("LOG", "error");
    set("MAX_SIZE", limit_text(configuration.max_size));
    set("MIN_FREE", limit_text(configuration.min_free));
    set("ALLOW_WORLD_WRITABLE", configuration.allow_world_writable ? "on" : "off");
    set("REMOTE", joined(config.urls, ' '));
    set("REMOTE_TIMEOUT", std::to_string(configuration.remote_timeout.count()) + "s");
    set("LOCK_TIMEOUT", std::to_string(lock_timeout.count()) + "s");
    set("TRUSTED_KEYS", joined(configuration.trusted_keys, ':'));
    set("SIGNING_KEY", configuration.signing_key.string());
    return config;
}

}  // namespace larder::api
