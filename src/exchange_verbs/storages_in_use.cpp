#include "exchange_verbs/storages_in_use.h"

#include <array>
#include <utility>

#include "api/convert.h"
#include "os/environment.h"

namespace larder::cli {

namespace remote = internal::remote;

StoragesInUse::StoragesInUse(OpenLarder& larder, const Patience& patience) : larder_(larder) {
    const auto& configuration = larder.configuration();
    const auto system = larder.system();
    if (!configuration.signing_key.empty()) {
        key_.emplace(api::value_or_throw(
            remote::SigningKey::read(system.fs, configuration.signing_key.string())));
    }
    std::set<remote::PublicKey> trusted;
    for (const auto& file : configuration.trusted_keys) {
        trusted.insert(api::value_or_throw(remote::read_public_key(system.fs, file.string())));
    }
    const auto known = larder.state().remotes();
    const auto now_ns = system.clock.wall().count();
    for (std::size_t place = 0; place < configuration.remote.size(); ++place) {
        const auto& url = configuration.remote[place];
        const auto use = known.find(url);
        if (use != known.end() && use->second.rests_until_ns > now_ns) continue;
        const auto address = remote::parse_address(url);
        if (!address) {
            note_failure(url, address.error().message());
            continue;
        }
        remote::TierOptions options;
        options.variables = internal::os::environment(remote::k_variable_prefixes);
        options.is_ended = patience.is_ended;
        options.limits = patience.limits;
        // The services of a tier live as long as the larder, not as this copy of references.
        auto tier = remote::open_tier(larder.system(), *address, options);
        if (!tier) {
            note_failure(url, tier.error().message());
            continue;
        }
        const bool is_read_only = address->is_read_only || (!key_ && !address->is_unsigned);
        all_.push_back(
            {place, url, is_read_only, {trusted, address->is_unsigned}, std::move(*tier)});
    }
}

void StoragesInUse::note_failure(const std::string& url, const std::string& fault) {
    larder_.state().note_remote_failure(url, fault, larder_.system().clock.wall().count());
}

void note_unusable(OpenLarder& larder, const Error& error) {
    const auto& urls = larder.configuration().remote;
    if (urls.empty()) return;
    larder.state().note_remote_refusal(urls.front(), api::explanation(error),
                                       larder.system().clock.wall().count());
}

}  // namespace larder::cli
