#include <algorithm>
#include <optional>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/runtime/request.h"
#include "cli/runtime/verbs.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

Json why_json(const WhyFlags& flags, const Explanation& explanation) {
    const auto value_or_null = [](const std::optional<std::string>& value) {
        return value ? Json(*value) : Json(nullptr);
    };
    auto json = json_object();
    json["model"] = flags.model;
    json["device"] = flags.request.device;
    json["would_hit"] = explanation.would_hit;
    json["reason"] = explanation.reason;
    json["key"] = text_or_null(explanation.key);
    json["nearest_key"] = text_or_null(explanation.nearest_key);
    json["differences"] = Json::array();
    for (const auto& difference : explanation.differences) {
        json["differences"].push_back({{"input", difference.input},
                                       {"kept", value_or_null(difference.kept)},
                                       {"asked", value_or_null(difference.asked)}});
    }
    // Which the program fills in.
    json["storages"] = Json::array();
    return json;
}

void print_table(const Context& context, const WhyFlags& flags, const Explanation& explanation) {
    const auto verdict = explanation.would_hit ? context.paint("hit", Colour::green)
                                               : context.paint("miss", Colour::yellow);
    auto text = printable(flags.model) + " on " + printable(flags.request.device) + ": " + verdict;
    if (!explanation.reason.empty()) text += ": " + printable(explanation.reason);
    text += '\n';
    auto keys = context.whole_table({{}, {}});
    if (!explanation.key.empty()) keys.add({{"key", Colour::faint}, {explanation.key}});
    if (!explanation.nearest_key.empty()) {
        keys.add({{"nearest", Colour::faint}, {explanation.nearest_key}});
    }
    text += keys.text();
    auto differences = context.whole_table({{"DIFFERENT INPUT"}, {"KEPT"}, {"ASKED"}});
    const auto shown = [](const std::optional<std::string>& value) {
        if (!value) return std::string("-");
        return value->empty() ? std::string("''") : *value;
    };
    // All other differences follow from another device or content.
    const auto follows = [&](const Explanation::Difference& difference) {
        return difference.input == "device.name" || difference.input == "model.fingerprint";
    };
    const bool is_plain =
        !context.verbose() && std::ranges::any_of(explanation.differences, follows);
    for (const auto& difference : explanation.differences) {
        if (is_plain) break;
        differences.add({{difference.input}, {shown(difference.kept)}, {shown(difference.asked)}});
    }
    if (!differences.empty()) text += "\n" + differences.text();
    Context::print(text);
}

// Returns the entry that is named instead of a model.
std::optional<EntryInfo> entry_named(const Options& options, const std::string& name) {
    if (!could_be_a_key(name) || !is_gone(name)) return std::nullopt;
    try {
        return Store(options).entry(name);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
        return std::nullopt;
    }
}

// `flags` gets the model and the device of an entry that is named instead.
Explanation explanation_of(const Options& options, WhyFlags& flags) {
    const auto entry = entry_named(options, flags.model);
    if (entry) {
        if (!flags.request.properties.empty() || !flags.request.shapes.empty()) {
            throw_usage("the entry '" + flags.model + "' has properties of its own",
                        "give a model together with --property and --shape");
        }
        flags.model = entry->model;
        flags.request.device = entry->device;
    }
    const auto properties = parse_properties(flags.request.properties);
    const auto shapes = parse_shapes(flags.request.shapes);
    Cache cache(options);
    ov::Core core;
    // Says that only its program can request it.
    if (entry && (entry->kind == "memory" || entry->kind == "caller")) {
        return cache.explain(core, *entry);
    }
    try {
        check_is_model(flags.model);
        cache.check_model(flags.model);
        check_device(core, flags.request.device);
        if (entry) return cache.explain(core, *entry);
        check_properties(core, flags.request.device, properties);
        check_values(core, flags.request.device, properties);
        return shapes.empty()
                   ? cache.explain(core, flags.model, flags.request.device, properties)
                   : cache.explain(core,
                                   ReadModel{read_reshaped(core, flags.model, shapes), flags.model},
                                   flags.request.device, properties);
    } catch (const std::exception&) {
        throw CommandError(request_failure(core, flags.model, flags.request.device, properties));
    }
}

}  // namespace

Json explain(const Options& options, WhyFlags flags) {
    const auto explanation = explanation_of(options, flags);
    return why_json(flags, explanation);
}

int why(const Context& context, WhyFlags flags) {
    const auto explanation = explanation_of(context.options(), flags);
    switch (context.format()) {
        case Format::json: Context::print(json_line(why_json(flags, explanation))); break;
        case Format::keys: Context::print_key(explanation.key); break;
        case Format::table: print_table(context, flags, explanation); break;
    }
    return k_done;
}

}  // namespace larder::cli
