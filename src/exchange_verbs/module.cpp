// The module: what the program finds when it opens it.
#include <algorithm>
#include <set>

#include "api/convert.h"
#include "cli/exchanging.h"
#include "cli/failure.h"
#include "cli/interruption.h"
#include "cli/json.h"
#include "cli/targets.h"
#include "cli/text.h"
#include "exchange/pull.h"
#include "exchange_verbs/open_larder.h"
#include "exchange_verbs/reach.h"
#include "exchange_verbs/storage.h"
#include "exchange_verbs/transfer.h"
#include "larder/export.hpp"
#include "larder/units.hpp"

namespace larder::cli {
namespace {

namespace exchange = internal::exchange;
namespace remote = internal::remote;
namespace store = internal::store;
using internal::format::Key;
using State = exchange::Moved::State;

constexpr int k_ended_early = 130;  // as shells have it for Ctrl-C
constexpr std::size_t k_key_characters_min = 4;

const char* name_of(State state) {
    switch (state) {
        case State::moved: return "moved";
        case State::was_there: return "was there";
        case State::skipped: return "skipped";
        case State::failed: return "failed";
    }
    return "";
}

// A model's unpacked blocks are this machine's alone, and a model that is withheld has nothing to
// move. The kernels of a blob go with it.
std::vector<Key> keys_to_push(const Context& context, const ExchangeFlags& flags) {
    const Store larder(context.options());
    std::set<std::string> wanted;
    if (!flags.names.empty()) {
        for (auto& key : find_targets(larder, flags.names).keys) wanted.insert(std::move(key));
    }
    std::vector<Key> keys;
    for (const auto& entry : larder.entries(EntryDetail::summary)) {
        const bool is_named = wanted.contains(entry.key) || wanted.contains(entry.kernels_of);
        if (!entry.unpacked_from.empty() || !(flags.names.empty() || is_named)) continue;
        if (!entry.withheld.empty() && !wanted.contains(entry.key)) continue;
        keys.push_back(Key{api::value_or_throw(internal::Digest::from_hex(entry.key))});
    }
    std::ranges::sort(keys);
    return keys;
}

bool is_named(const exchange::SharedEntryInfo& entry, const std::string& name) {
    if (name.size() >= k_key_characters_min && entry.key.hex().starts_with(name)) return true;
    const std::string_view path = entry.manifest.model.path;
    return !path.empty() && (path == name || path.ends_with("/" + name));
}

// Keys that are given in full are asked for without a list, which some storages do not give.
std::vector<Key> keys_to_read(remote::Tier& tier, const std::vector<std::string>& names) {
    std::vector<Key> keys;
    for (const auto& name : names) {
        const auto digest = internal::Digest::from_hex(name);
        if (!digest) break;
        keys.push_back(Key{*digest});
    }
    if (!names.empty() && keys.size() == names.size()) return keys;
    api::value_or_throw(tier.check_exists());
    return api::value_or_throw(exchange::list_shared_keys(tier));
}

std::vector<exchange::SharedEntryInfo> entries_to_pull(remote::Tier& tier,
                                                       const exchange::Trust& trust,
                                                       const ExchangeFlags& flags) {
    std::vector<exchange::SharedEntryInfo> entries;
    std::set<std::string> found;
    for (const auto& key : keys_to_read(tier, flags.names)) {
        auto entry = exchange::read_shared_entry(tier, key, trust);
        if (!entry && entry.error().code == internal::Errc::not_found) continue;  // gone meanwhile
        auto info = api::value_or_throw(std::move(entry));
        bool is_wanted = flags.names.empty();
        for (const auto& name : flags.names) {
            if (!is_named(info, name)) continue;
            found.insert(name);
            is_wanted = true;
        }
        if (is_wanted) entries.push_back(std::move(info));
    }
    for (const auto& name : flags.names) {
        if (!found.contains(name)) {
            throw CommandError({"nothing in " + tier.url() + " is called '" + name + "'",
                                "give a key, or the path that a model had when it was compiled"});
        }
    }
    return entries;
}

Json moved_json(const exchange::Moved& moved) {
    Json json;
    json["key"] = moved.key.hex();
    json["model"] = text_or_null(moved.model);
    json["state"] = name_of(moved.state);
    json["bytes"] = moved.bytes;
    json["reason"] = text_or_null(moved.reason);
    return json;
}

int report(const Context& context, const exchange::Exchange& done, const std::string& verb,
           const std::string& url) {
    std::map<State, std::size_t> counts;
    std::uint64_t bytes = 0;
    auto entries = Json::array();
    for (const auto& moved : done.entries) {
        ++counts[moved.state];
        bytes += moved.bytes;
        entries.push_back(moved_json(moved));
        if (context.format() == Format::json) continue;
        if (moved.state == State::moved && context.format() == Format::keys) {
            Context::print_key(moved.key.hex());
        }
        if (moved.reason.empty() && !context.verbose()) continue;
        const auto subject = moved.model.empty() ? moved.key.hex() : moved.model;
        print_failure({printable(subject) + ": " +
                           (moved.reason.empty() ? std::string(name_of(moved.state))
                                                 : printable(moved.reason)),
                       {}});
    }
    if (context.format() == Format::json) {
        auto json = json_object();
        json["url"] = url;
        json["entries"] = std::move(entries);
        json["bytes"] = bytes;
        json["complete"] = done.is_complete;
        Context::print(json_line(json));
    } else if (context.format() == Format::table) {
        const auto moved = counts[State::moved];
        auto text = verb + " " + std::to_string(moved) + (moved == 1 ? " entry, " : " entries, ") +
                    format_size(bytes);
        if (counts[State::was_there] > 0) {
            text += "; " + std::to_string(counts[State::was_there]) + " there already";
        }
        if (counts[State::skipped] > 0) {
            text += "; " + std::to_string(counts[State::skipped]) + " skipped";
        }
        if (counts[State::failed] > 0) {
            text += "; " + std::to_string(counts[State::failed]) + " failed";
        }
        Context::print(text + "\n");
    }
    if (!done.is_complete) return k_ended_early;
    if (counts[State::failed] > 0) return k_failed;
    const bool is_nothing_taken =
        !done.entries.empty() && counts[State::skipped] == done.entries.size();
    return is_nothing_taken ? k_not_kept : k_done;
}

exchange::Moved planned(const Key& key) {
    exchange::Moved moved;
    moved.key = key;
    return moved;
}

int push(const Context& context, const ExchangeFlags& flags) {
    const auto address = api::value_or_throw(remote::parse_address(flags.url));
    if (address.is_read_only) {
        throw_usage("the URL ends in ?read-only: push refuses to write there",
                    "take ?read-only away");
    }
    if (flags.key_file.empty() && !address.is_unsigned) {
        throw_usage("no signing key is given: pull refuses entries that nobody signed",
                    "give --sign FILE, set LARDER_SIGNING_KEY, or give a URL that ends in "
                    "?unsigned");
    }
    const auto keys = keys_to_push(context, flags);
    if (flags.dry_run) {
        exchange::Exchange plan;
        for (const auto& each : keys) plan.entries.push_back(planned(each));
        return report(context, plan, "would push", flags.url);
    }
    OpenLarder larder(context.options(), store::Access::read_only);
    std::optional<remote::SigningKey> key;
    if (!flags.key_file.empty()) {
        key.emplace(
            api::value_or_throw(remote::SigningKey::read(larder.system().fs, flags.key_file)));
    }
    const Interruption interruption;
    const auto tier = open_storage(larder.system(), address);
    Progress progress(flags.progress);
    const auto done =
        api::value_or_throw(exchange::push(larder.store(), *tier, keys, key ? &*key : nullptr,
                                           [&](std::uint64_t moved, std::uint64_t total) {
                                               progress.show(moved, total);
                                               return !Interruption::happened();
                                           }));
    return report(context, done, "pushed", flags.url);
}

int pull(const Context& context, const ExchangeFlags& flags) {
    const auto address = api::value_or_throw(remote::parse_address(flags.url));
    exchange::Trust trust;
    trust.takes_unsigned = address.is_unsigned;
    if (flags.trusted_keys.empty() && !trust.takes_unsigned) {
        throw_usage("no trusted key is given: a compiled model is code",
                    "give --trust FILE.pub, set LARDER_TRUSTED_KEYS, or give a URL that ends in "
                    "?unsigned");
    }
    OpenLarder larder(context.options(),
                      flags.dry_run ? store::Access::read_only : store::Access::read_write);
    for (const auto& file : flags.trusted_keys) {
        trust.keys.insert(api::value_or_throw(remote::read_public_key(larder.system().fs, file)));
    }
    const Interruption interruption;
    const auto tier = open_storage(larder.system(), address);
    const auto entries = entries_to_pull(*tier, trust, flags);
    if (flags.dry_run) {
        exchange::Exchange plan;
        for (const auto& entry : entries) {
            plan.entries.push_back(exchange::refused(entry).value_or(planned(entry.key)));
        }
        return report(context, plan, "would pull", flags.url);
    }
    Progress progress(flags.progress);
    const auto done = exchange::pull(larder.store(), *tier, entries,
                                     [&](std::uint64_t moved, std::uint64_t total) {
                                         progress.show(moved, total);
                                         return !Interruption::happened();
                                     });
    return report(context, done, "pulled", flags.url);
}

void print_key(const Context& context, const remote::PublicKey& key, const std::string& file) {
    if (context.format() == Format::json) {
        auto json = json_object();
        json["public_key"] = key.hex();
        json["file"] = file;
        Context::print(json_line(json));
    } else {
        Context::print(key.hex() + "\n");
    }
}

int generate_key(const Context& context, const ExchangeFlags& flags) {
    const internal::os::RealSystem system;
    auto& fs = system.system().fs;
    const auto key = api::value_or_throw(remote::SigningKey::generate());
    api::value_or_throw(key.write(fs, flags.key_file));
    api::value_or_throw(remote::write_public_key(fs, flags.key_file + ".pub", key.public_key()));
    print_key(context, key.public_key(), flags.key_file + ".pub");
    return k_done;
}

int show_key(const Context& context, const ExchangeFlags& flags) {
    const internal::os::RealSystem system;
    auto& fs = system.system().fs;
    const bool is_public = flags.key_file.ends_with(".pub");
    print_key(context,
              is_public
                  ? api::value_or_throw(remote::read_public_key(fs, flags.key_file))
                  : api::value_or_throw(remote::SigningKey::read(fs, flags.key_file)).public_key(),
              flags.key_file);
    return k_done;
}

// Fills in what the command line leaves to the settings, and does the work for each storage.
int exchange_with_each(const Context& context, ExchangeFlags flags,
                       int (*exchange_with)(const Context&, const ExchangeFlags&)) {
    const auto options = context.options();
    const bool sends = flags.work == ExchangeFlags::Work::push;
    if (sends && flags.key_file.empty() && options.signing_key) {
        flags.key_file = options.signing_key->string();
    }
    if (!sends && flags.trusted_keys.empty() && options.trusted_keys) {
        for (const auto& file : *options.trusted_keys) flags.trusted_keys.push_back(file.string());
    }
    auto urls = options.remote.value_or(std::vector<std::string>{});
    const bool is_given = flags.url.find("://") != std::string::npos || urls.empty();
    if (is_given) {
        if (flags.url.empty()) {
            throw_usage("no storage is given", "give a URL, or set LARDER_REMOTE");
        }
        return exchange_with(context, flags);
    }
    // The first word is no URL: it names a model.
    if (!flags.url.empty()) flags.names.insert(flags.names.begin(), flags.url);
    if (sends) {
        std::erase_if(urls, [](const std::string& url) {
            return api::value_or_throw(remote::parse_address(url)).is_read_only;
        });
        if (urls.empty()) {
            throw_usage("every storage of LARDER_REMOTE ends in ?read-only", "give a URL");
        }
    }
    int code = k_done;
    for (auto& url : urls) {
        flags.url = std::move(url);
        code = std::max(code, exchange_with(context, flags));
    }
    return code;
}

int work(const Context& context, const ExchangeFlags& flags) {
    using Work = ExchangeFlags::Work;
    switch (flags.work) {
        case Work::push: return exchange_with_each(context, flags, push);
        case Work::pull: return exchange_with_each(context, flags, pull);
        case Work::list: return list_storage(context, flags);
        case Work::prune: return prune_storage(context, flags);
        case Work::generate_key: return generate_key(context, flags);
        case Work::show_key: return show_key(context, flags);
        case Work::fetch: return fetch_for_host(context, flags);
        case Work::send: return send_for_host(context);
        case Work::examine: return examine_storages(context, flags);
        case Work::look: return look_for_entry(context, flags);
    }
    return k_failed;
}

}  // namespace
}  // namespace larder::cli

extern "C" LARDER_EXPORT int larder_exchange(const larder::cli::Context& context,
                                             const larder::cli::ExchangeFlags& flags);

int larder_exchange(const larder::cli::Context& context, const larder::cli::ExchangeFlags& flags) {
    try {
        return larder::cli::work(context, flags);
    } catch (const larder::Error&) {
        // Ctrl-C ended a wait for a network: that is no failure to tell of.
        if (larder::cli::Interruption::happened()) return larder::cli::k_ended_early;
        throw;
    }
}
