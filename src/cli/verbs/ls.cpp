#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/exchanging.h"
#include "cli/failure.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "cli/weights.h"

namespace larder::cli {
namespace {

struct LsFlags {
    std::vector<std::string> filters;
    std::string sort;
    std::optional<std::size_t> limit;
};

// Keys are shortened for people to the length that keeps them distinct, but not below this.
constexpr std::size_t k_short_key = 12;
constexpr std::size_t k_table_columns = 9;

using Chosen = std::vector<const EntryInfo*>;

void print_keys(const Chosen& entries) {
    std::string lines;
    for (const auto* entry : entries) lines.append(entry->key).append(1, '\n');
    Context::print(lines);
}

void print_json(const Store& store, std::uint64_t total_bytes, const Chosen& entries,
                const BytesByKey& unique) {
    Context::print(json_line(
        entries_json(entries, unique, total_bytes, store.max_size_bytes(), store.compiling())));
}

// For entries of one model for one device, returns the inputs in which they differ, by key.
std::map<std::string, std::string> differences_of(const Store& store, const Chosen& entries) {
    std::map<std::pair<std::string, std::string>, Chosen> variants;
    for (const auto* entry : entries) {
        const bool is_blob = entry->unpacked_from.empty() && entry->kernels_of.empty();
        if (is_blob) variants[{entry->model, entry->device}].push_back(entry);
    }
    // Limits the number of whole manifests that are read.
    constexpr std::size_t k_variants_max = 32;
    std::map<std::string, std::string> differences;
    for (const auto& [model, same] : variants) {
        if (same.size() < 2 || same.size() > k_variants_max) continue;
        std::map<std::string, std::map<std::string, std::string>> inputs;  // by key
        std::map<std::string, std::set<std::string>> values;               // by input
        for (const auto* entry : same) {
            auto& of_entry = inputs[entry->key];
            if (!entry->shapes.empty()) of_entry["shapes"] = entry->shapes;
            for (const auto& [name, value] : store.entry(entry->key).key_inputs) {
                constexpr std::string_view k_property = "property.";
                if (name.starts_with(k_property)) of_entry[name.substr(k_property.size())] = value;
            }
            for (const auto& [name, value] : of_entry) values[name].insert(value);
        }
        for (const auto& [key, of_entry] : inputs) {
            for (const auto& [name, value] : of_entry) {
                if (values.at(name).size() < 2) continue;
                auto& text = differences[key];
                if (!text.empty()) text += ", ";
                if (name != "shapes") text.append(name).append("=");
                text += value;
            }
        }
    }
    return differences;
}

void print_table(const Context& context, const Store& store, std::uint64_t total_bytes,
                 std::size_t all, const Chosen& entries) {
    auto table = context.table({{"KEY"},
                                {"DEVICE"},
                                {"KIND", Align::left, 0, true},
                                {"SIZE", Align::right},
                                {"AGE", Align::right, 0, true},
                                {"LAST USED", Align::right},
                                {"HITS", Align::right, 0, true},
                                {"COMPILE", Align::right, 0, true},
                                {"MODEL"}});
    const auto ago = [now = now()](TimePoint then) {
        return format_age(std::chrono::floor<std::chrono::seconds>(now - then));
    };
    const auto differences = differences_of(store, entries);
    for (const auto* each : entries) {
        const auto& entry = *each;
        const auto stale = stale_reason(entry);
        const auto difference = differences.find(entry.key);
        std::vector<Cell> row;
        row.reserve(k_table_columns);
        const auto add = [&row](std::string text, Colour colour = Colour::none) {
            row.push_back({std::move(text), colour});
        };
        add(entry.key.substr(0, k_short_key));
        add(entry.device);
        add(!entry.unpacked_from.empty() ? "unpacked"
            : !entry.kernels_of.empty()  ? "kernels"
                                         : entry.kind);
        add(format_size(entry.kept_bytes()));
        add(ago(entry.created_at));
        add(entry.last_used_anywhere_at ? ago(*entry.last_used_anywhere_at) : "-");
        add(std::to_string(entry.hits));
        add(format_duration(entry.compile_time));
        add(entry.model + (difference == differences.end() ? "" : " (" + difference->second + ")") +
                (entry.pinned ? " (pinned)" : "") + (entry.withheld.empty() ? "" : " (not kept)") +
                (stale.empty() ? "" : " (" + stale + ")") +
                (context.verbose() ? " (weights: " + weights_text(entry) + ")" : ""),
            stale.empty() && entry.withheld.empty() ? Colour::none : Colour::yellow);
        table.add(std::move(row));
    }
    std::string text = table.empty() ? "" : table.text();
    if (!store.exists()) {
        Context::print("there is no larder in " + printable(store.directory().string()) + " yet\n");
        return;
    }
    text += entries.size() == all ? std::to_string(all)
                                  : std::to_string(entries.size()) + " of " + std::to_string(all);
    text += (all == 1 ? " entry, " : " entries, ") +
            fill_text(total_bytes, store.max_size_bytes()) + " in " +
            printable(store.directory().string()) + "\n";
    Context::print(text + compiling_text(store.compiling()));
}

int run_ls(const Context& context, const LsFlags& flags) {
    std::vector<Condition> conditions;
    conditions.reserve(flags.filters.size());
    for (const auto& filter : flags.filters) conditions.push_back(parse_filter(filter, now()));
    const auto order = flags.sort.empty() ? Order{} : parse_sort(flags.sort);

    const Store store(context.options());
    auto all = store.entries(EntryDetail::summary);
    // With many entries, counting files and finding stale entries take equally long: both run in
    // parallel.
    auto total_bytes = std::async([&store, wanted = context.format() != Format::keys] {
        return wanted ? store.total_bytes() : 0;
    });
    // Keys alone do not show staleness.
    const bool tells = context.format() != Format::keys || !conditions.empty();
    if (tells) find_stale(store, all);
    Chosen entries;
    for (const auto& entry : all) {
        const bool is_chosen =
            std::ranges::all_of(conditions, [&](const Condition& holds) { return holds(entry); });
        if (is_chosen) entries.push_back(&entry);
    }
    if (order) {
        std::ranges::stable_sort(entries,
                                 [&](const auto* a, const auto* b) { return order(*a, *b); });
    }
    if (flags.limit && *flags.limit < entries.size()) entries.resize(*flags.limit);

    switch (context.format()) {
        case Format::json: print_json(store, total_bytes.get(), entries, unique_bytes(all)); break;
        case Format::keys: print_keys(entries); break;
        case Format::table:
            print_table(context, store, total_bytes.get(), all.size(), entries);
            break;
    }
    // Deliberately not freed: the program ends, and the system reclaims the memory at once.
    (void)new std::vector<EntryInfo>(std::move(all));
    return k_done;
}

}  // namespace

Run declare_ls(CLI::App& verb) {
    auto flags = std::make_shared<LsFlags>();
    verb.add_option("--filter", flags->filters,
                    "Only entries that match, such as 'size>1GiB' (repeatable: all must match)")
        ->type_name("FILTER")
        ->allow_extra_args(false);
    verb.add_option("--sort", flags->sort,
                    "age, compile, created, device, hits, key, kind, last_used, model, size")
        ->type_name("KEY[:desc]");
    verb.add_option("--limit", flags->limit, "The maximum number of entries to list")
        ->type_name("N")
        ->check([](const std::string& text) {
            const bool is_count = text.find_first_not_of("0123456789") == std::string::npos;
            return is_count ? std::string{} : "'" + text + "' is not a number of entries";
        });
    auto shared = std::make_shared<ExchangeFlags>();
    shared->work = ExchangeFlags::Work::list;
    verb.add_option("--remote", shared->url,
                    "List a storage that machines share instead: file:///DIRECTORY, "
                    "s3://BUCKET/PREFIX or https://HOST/PATH")
        ->type_name("URL");
    return [flags, shared](const Context& context) {
        return shared->url.empty() ? run_ls(context, *flags) : run_exchange(context, *shared);
    };
}

}  // namespace larder::cli
