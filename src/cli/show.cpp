#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

void print_table(const Context& context, const EntryInfo& entry, std::uint64_t unique) {
    auto facts = context.table({{}, {}});
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) facts.add({{name, Colour::faint}, {value}});
    };
    add("key", entry.key);
    add("model", entry.model);
    if (entry.stale) add("stale", stale_reason(entry) + ": " + entry.stale->detail);
    add("kind", entry.kind);
    add("device", entry.device);
    add("size", format_size(entry.bytes) + ", of which " + format_size(unique) +
                    " are not shared with other entries");
    add("encoding", entry.encoding);
    add("unpacked from", entry.unpacked_from);
    add("kernels of", entry.kernels_of);
    add("created", format_time(entry.created_at));
    add("last used",
        entry.last_used_anywhere_at ? format_time(*entry.last_used_anywhere_at) : "never");
    add("hits", std::to_string(entry.hits));
    add("compile", format_duration(entry.compile_time));
    add("weights", entry.without_weights ? "in the model's own file" : "kept");
    add("requires", entry.requirements);
    auto text = facts.text();

    auto files = context.table({{"OBJECT"}, {"SIZE", Align::right}, {"NAME"}});
    for (const auto& object : entry.objects) {
        files.add({{object.digest}, {format_size(object.bytes)}, {object.name}});
    }
    if (!files.empty()) text += "\n" + files.text();

    auto sources = context.table({{"MODEL FILE"}, {"SIZE", Align::right}, {"ROLE"}});
    for (const auto& file : entry.model_files) {
        sources.add({{file.digest}, {format_size(file.bytes)}, {file.role}});
    }
    if (!sources.empty()) text += "\n" + sources.text();

    auto inputs = context.table({{"KEY INPUT"}, {"VALUE"}});
    for (const auto& [name, value] : entry.key_inputs) inputs.add({{name}, {value}});
    if (!inputs.empty()) text += "\n" + inputs.text();
    Context::print(text);
}

int run_show(const Context& context, const std::string& key) {
    const Store store(context.options());
    auto entry = store.entry(key);
    if (context.format() == Format::keys) {
        Context::print_key(entry.key);
        return k_done;
    }
    auto all = store.entries(EntryDetail::summary);
    find_stale(store, all);
    const auto same = std::ranges::find(all, entry.key, &EntryInfo::key);
    if (same != all.end()) entry.stale = same->stale;
    const auto by_key = unique_bytes(all);
    const auto found = by_key.find(entry.key);
    const auto unique = found == by_key.end() ? entry.bytes : found->second;
    if (context.format() == Format::json) {
        Context::print(json_line(whole_entry_json(entry, unique)));
    } else {
        print_table(context, entry, unique);
    }
    return k_done;
}

}  // namespace

Run declare_show(CLI::App& verb) {
    auto key = std::make_shared<std::string>();
    verb.add_option("KEY", *key, "A key, or as much of its beginning as no other key shares")
        ->required();
    return [key](const Context& context) { return run_show(context, *key); };
}

}  // namespace larder::cli
