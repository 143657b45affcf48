#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "cli/verbs.h"
#include "cli/weights.h"

namespace larder::cli {
namespace {

void print_table(const Context& context, const EntryInfo& entry, std::uint64_t unique) {
    auto facts = context.whole_table({{}, {}});
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) facts.add({{name, Colour::faint}, {value}});
    };
    add("key", entry.key);
    add("model", entry.model);
    if (entry.stale) add("stale", stale_reason(entry) + ": " + entry.stale->detail);
    add("kind", entry.kind);
    add("device", entry.device);
    add("shapes", entry.shapes);
    add("size", format_size(entry.kept_bytes()) + ", of which " + format_size(unique) +
                    " are not shared with other entries");
    add("encoding", entry.encoding);
    add("unpacked from", entry.unpacked_from);
    add("kernels of", entry.kernels_of);
    add("created", format_time(entry.created_at));
    add("last used",
        entry.last_used_anywhere_at ? format_time(*entry.last_used_anywhere_at) : "never");
    add("hits", std::to_string(entry.hits));
    if (!entry.withheld.empty()) add("not kept", entry.withheld + "; lift it: " + entry.lifted_by);
    if (entry.pinned) add("pinned", "limits and rules do not remove it");
    add("compile", format_duration(entry.compile_time));
    add("weights", weights_text(entry));
    add("requires", entry.requirements);
    auto text = facts.text();

    auto files = context.whole_table({{"OBJECT"}, {"SIZE", Align::right}, {"NAME"}});
    for (const auto& object : entry.objects) {
        files.add({{object.digest}, {format_size(object.bytes)}, {object.name}});
    }
    if (!files.empty()) text += "\n" + files.text();

    auto sources = context.whole_table({{"MODEL FILE"}, {"SIZE", Align::right}, {"ROLE"}});
    for (const auto& file : entry.model_files) {
        sources.add({{file.digest}, {format_size(file.bytes)}, {file.role}});
    }
    if (!sources.empty()) text += "\n" + sources.text();

    auto inputs = context.whole_table({{"KEY INPUT"}, {"VALUE"}});
    for (const auto& [name, value] : entry.key_inputs) inputs.add({{name}, {value}});
    if (!inputs.empty()) text += "\n" + inputs.text();
    Context::print(text);
}

void show(const Context& context, const EntryInfo& entry, std::uint64_t unique) {
    switch (context.format()) {
        case Format::json: Context::print(json_line(whole_entry_json(entry, unique))); break;
        case Format::keys: Context::print_key(entry.key); break;
        case Format::table: print_table(context, entry, unique); break;
    }
}

int run_show(const Context& context, const std::vector<std::string>& names) {
    const Store store(context.options());
    const auto keys = find_targets(store, names).keys;
    auto all = store.entries(EntryDetail::summary);
    find_stale(store, all);
    const auto by_key = unique_bytes(all);
    const char* separator = "";
    for (const auto& key : keys) {
        auto entry = store.entry(key);
        const auto same = std::ranges::find(all, key, &EntryInfo::key);
        if (same != all.end()) entry.stale = same->stale;
        const auto found = by_key.find(key);
        if (context.format() == Format::table) Context::print(separator);
        show(context, entry, found == by_key.end() ? entry.kept_bytes() : found->second);
        separator = "\n";
    }
    return k_done;
}

}  // namespace

Run declare_show(CLI::App& verb) {
    auto names = std::make_shared<std::vector<std::string>>();
    verb.add_option("KEY|MODEL", *names,
                    "A key, the beginning of one, or a model, which stands for all its entries")
        ->required();
    return [names](const Context& context) { return run_show(context, *names); };
}

}  // namespace larder::cli
