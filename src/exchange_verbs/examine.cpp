// Examines the storages of LARDER_REMOTE for `larder doctor` and `larder why`.
#include <chrono>
#include <utility>

#include "api/convert.h"
#include "cli/failure.h"
#include "exchange/leases.h"
#include "exchange/shared_entries.h"
#include "exchange_verbs/storage.h"
#include "os/environment.h"
#include "os/system.h"
#include "remote/address.h"

namespace larder::cli {
namespace {

namespace exchange = internal::exchange;
namespace os = internal::os;
namespace remote = internal::remote;

// Somebody waits for the report.
remote::HttpLimits short_limits() {
    remote::HttpLimits limits;
    limits.connect = std::chrono::milliseconds(3000);
    limits.stall = std::chrono::seconds(5);
    limits.answer = std::chrono::seconds(10);
    limits.attempts = 1;
    return limits;
}

remote::TierOptions short_options() {
    remote::TierOptions options;
    options.variables = os::environment(remote::k_variable_prefixes);
    options.limits = short_limits();
    return options;
}

ExaminedStorage examine(const os::System& system, const std::string& url, bool has_key) {
    ExaminedStorage examined;
    examined.url = url;
    const auto address = remote::parse_address(url);
    if (!address) {
        examined.fault = address.error().message();
        return examined;
    }
    examined.is_read_only = address->is_read_only || (!has_key && !address->is_unsigned);
    const auto options = short_options();
    const auto open = [&] { return remote::open_tier(system, *address, options); };
    const auto tier = open();
    if (!tier) {
        examined.fault = tier.error().message();
        return examined;
    }
    if (const auto there = (*tier)->check_exists(); !there) {
        examined.fault = there.error().message();
        examined.is_empty = there.error().code == internal::Errc::not_found;
        return examined;
    }
    if (examined.is_read_only) return examined;
    const auto honoured = exchange::honours_conditions(open, system.entropy.next());
    if (honoured) {
        examined.has_conditions = *honoured;
    } else {
        examined.fault = honoured.error().message();
    }
    return examined;
}

// Says what a storage holds for a key.
std::string describe_entry(const os::System& system, const std::string& url,
                           const internal::format::Key& key, exchange::Trust trust) {
    const auto address = remote::parse_address(url);
    if (!address) return address.error().message();
    trust.takes_unsigned = address->is_unsigned;
    const auto tier = remote::open_tier(system, *address, short_options());
    if (!tier) return tier.error().message();
    const auto entry = exchange::read_shared_entry(**tier, key, trust);
    if (!entry && entry.error().code == internal::Errc::not_found) return "has no entry of the key";
    if (!entry) return entry.error().message();
    if (!entry->refusal.empty()) return "has an entry that is not taken: " + entry->refusal;
    const auto& requirements = entry->manifest.requirements;
    return "has an entry" + (requirements.empty() ? "" : ", which needs " + requirements);
}

}  // namespace

int examine_storages(const Context& context, const ExchangeFlags& flags) {
    const os::RealSystem system;
    const auto options = context.settings_for_another().options;
    const bool has_key = options.signing_key && !options.signing_key->empty();
    for (const auto& url : options.remote.value_or(std::vector<std::string>{})) {
        flags.examined->push_back(examine(system.system(), url, has_key));
    }
    return k_done;
}

int look_for_entry(const Context& context, const ExchangeFlags& flags) {
    const os::RealSystem real;
    const auto system = real.system();
    const auto options = context.settings_for_another().options;
    exchange::Trust trust;
    for (const auto& file : options.trusted_keys.value_or(std::vector<std::filesystem::path>{})) {
        trust.keys.insert(api::value_or_throw(remote::read_public_key(system.fs, file.string())));
    }
    const auto key = api::value_or_throw(internal::format::Key::from_hex(flags.names.front()));
    for (const auto& url : options.remote.value_or(std::vector<std::string>{})) {
        ExaminedStorage examined;
        examined.url = url;
        examined.entry = describe_entry(system, url, key, trust);
        flags.examined->push_back(std::move(examined));
    }
    return k_done;
}

}  // namespace larder::cli
