#include "exchange_verbs/storage.h"

#include <chrono>

#include "api/convert.h"
#include "cli/failure.h"
#include "cli/json.h"
#include "cli/quantity.h"
#include "cli/targets.h"
#include "cli/text.h"
#include "exchange/prune.h"
#include "exchange/shared_entries.h"
#include "exchange_verbs/reach.h"
#include "larder/units.hpp"

namespace larder::cli {
namespace {

namespace exchange = internal::exchange;
namespace remote = internal::remote;

constexpr std::size_t k_shown_digits = 12;

struct Storage {
    explicit Storage(const std::string& url)
        : address(api::value_or_throw(remote::parse_address(url))),
          tier(open_storage(system.system(), address)) {
        api::value_or_throw(tier->check_exists());
    }

    internal::os::RealSystem system;
    remote::Address address;
    std::unique_ptr<remote::Tier> tier;
};

std::uint64_t bytes_of(const internal::format::Manifest& manifest) {
    std::uint64_t bytes = 0;
    for (const auto& part : manifest.parts) bytes += part.bytes;
    return bytes;
}

Json entry_json(const exchange::SharedEntryInfo& entry) {
    Json json;
    json["key"] = entry.key.hex();
    json["model"] = text_or_null(entry.manifest.model.path);
    json["device"] = text_or_null(entry.manifest.device);
    json["bytes"] = bytes_of(entry.manifest);
    json["pushed_at"] = format_time(api::time_point(entry.written_at_ns));
    json["signed_by"] = entry.signers;
    json["fault"] = text_or_null(entry.refusal);
    return json;
}

}  // namespace

int list_storage(const Context& context, const ExchangeFlags& flags) {
    const Storage storage(flags.url);
    exchange::Trust anybody;
    anybody.takes_unsigned = true;
    auto table = context.table(
        {{"KEY"}, {"SIZE", Align::right}, {"PUSHED", Align::right}, {"SIGNED BY"}, {"MODEL"}});
    auto entries = Json::array();
    const auto now = storage.system.system().clock.wall();
    for (const auto& key : api::value_or_throw(exchange::list_shared_keys(*storage.tier))) {
        const auto read = exchange::read_shared_entry(*storage.tier, key, anybody);
        if (!read && read.error().code == internal::Errc::not_found) continue;  // gone meanwhile
        const auto& entry = api::value_or_throw(read);
        if (context.format() == Format::keys) Context::print_key(key.hex());
        entries.push_back(entry_json(entry));
        const auto age = std::chrono::duration_cast<std::chrono::seconds>(
            now - std::chrono::nanoseconds(entry.written_at_ns));
        const auto signer = entry.signers.empty() ? std::string("nobody")
                                                  : entry.signers.front().substr(0, k_shown_digits);
        table.add({{key.hex().substr(0, k_shown_digits)},
                   {format_size(bytes_of(entry.manifest))},
                   {format_age(age)},
                   {entry.signers.size() > 1 ? signer + ", …" : signer},
                   {printable(entry.refusal.empty() ? entry.manifest.model.path : entry.refusal)}});
    }
    if (context.format() == Format::json) {
        auto json = json_object();
        json["url"] = flags.url;
        json["entries"] = std::move(entries);
        Context::print(json_line(json));
    } else if (context.format() == Format::table) {
        Context::print(table.empty() ? "nothing is there\n" : table.text());
    }
    return k_done;
}

int prune_storage(const Context& context, const ExchangeFlags& flags) {
    const Storage storage(flags.url);
    if (storage.address.is_read_only) {
        throw_usage("the URL ends in ?read-only: prune refuses to remove there",
                    "take ?read-only away");
    }
    const auto age = parse_age(flags.older_than);
    const auto prune = [&](DryRun dry_run) {
        return api::value_or_throw(
            exchange::prune(*storage.tier, storage.system.system().clock.wall(), age, dry_run));
    };
    auto pruning = prune(DryRun::yes);
    const auto text = [&](const std::string& verb) {
        return verb + " " + std::to_string(pruning.entries.size()) +
               (pruning.entries.size() == 1 ? " entry and " : " entries and ") +
               std::to_string(pruning.objects) +
               (pruning.objects == 1 ? " object, " : " objects, ") + format_size(pruning.bytes);
    };
    const bool is_nothing = pruning.entries.empty() && pruning.objects == 0;
    if (!flags.dry_run && !is_nothing) {
        if (!flags.yes && !agrees(text("remove") + " from " + flags.url + "?", "prune")) {
            throw CommandError({"nothing was removed", {}, k_failed});
        }
        pruning = prune(DryRun::no);
    }
    if (context.format() == Format::json) {
        auto json = json_object();
        json["url"] = flags.url;
        json["dry_run"] = flags.dry_run;
        json["entries"] = Json::array();
        for (const auto& key : pruning.entries) json["entries"].push_back(key.hex());
        json["objects"] = pruning.objects;
        json["bytes"] = pruning.bytes;
        Context::print(json_line(json));
    } else if (context.format() == Format::keys) {
        for (const auto& key : pruning.entries) Context::print_key(key.hex());
    } else {
        Context::print(text(flags.dry_run ? "would remove" : "removed") + "\n");
        if (pruning.keeps_objects) {
            Context::print("no object was removed: an entry is damaged, or of a newer larder\n");
        }
    }
    return k_done;
}

}  // namespace larder::cli
