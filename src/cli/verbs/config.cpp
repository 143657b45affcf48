#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

void print_json(const std::vector<Setting>& settings) {
    Context::print(json_line(settings_json(settings)));
}

// All about a setting, on lines of their own.
std::string details_of(const Setting& setting) {
    return printable(setting.name + " = " + setting.value + "\n  from: " + setting.origin +
                         "\n  variable: " + setting.variable + "\n  " + setting.meaning + "\n",
                     Lines::keep);
}

void print_table(const Context& context, const std::vector<Setting>& settings) {
    if (context.verbose()) {
        for (const auto& setting : settings) Context::print(details_of(setting));
        return;
    }
    auto table = context.table({{"SETTING"},
                                {"VALUE"},
                                {"ORIGIN"},
                                {"VARIABLE", Align::left, 0, true},
                                {"MEANING", Align::left, 0, true}});
    for (const auto& setting : settings) {
        table.add({{setting.name},
                   {setting.value.empty() ? "-" : setting.value},
                   {setting.origin, setting.origin == "default" ? Colour::faint : Colour::none},
                   {setting.variable},
                   {setting.meaning}});
    }
    auto text = table.text();
    if (table.lacks_columns()) text += "\n'larder config -v' explains each of them\n";
    Context::print(text);
}

struct ConfigFlags {
    std::string verb;
    std::string name;
    std::string value;
};

int print_all(const Context& context, const std::vector<Setting>& settings) {
    switch (context.format()) {
        case Format::json: print_json(settings); break;
        case Format::keys:
            for (const auto& setting : settings) Context::print_key(setting.name);
            break;
        case Format::table: print_table(context, settings); break;
    }
    return k_done;
}

Setting find_setting(const std::vector<Setting>& settings, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& setting : settings) {
        if (setting.name == name || setting.variable == name) return setting;
        names.push_back(setting.name);
    }
    const auto near = nearest_word(name, names);
    throw_usage("there is no setting '" + name + "'", near.empty()
                                                          ? "the settings are " + join(names, ", ")
                                                          : "did you mean " + near + "?");
}

int run_get(const Context& context, const std::string& name) {
    const auto setting = find_setting(context.settings().list, name);
    if (context.format() == Format::json) {
        print_json({setting});
    } else {
        Context::print(context.verbose() ? details_of(setting) : setting.value + "\n");
    }
    return k_done;
}

// Also if a setting cannot be read, which may be the one to set.
std::string name_of(const Context& context, const std::string& asked) {
    try {
        return find_setting(context.settings().list, asked).name;
    } catch (const Error&) {
        return asked;
    }
}

int run_set(const Context& context, const std::string& asked, const std::string& value) {
    const auto name = name_of(context, asked);
    const auto file = save_setting(name, value);
    const bool is_json = context.format() == Format::json;
    if (!is_json) {
        Context::print(name + " = " + printable(value) + ", in " + printable(file.string()) + "\n");
    }
    const auto setting = find_setting(context.settings().list, name);
    if (is_json) {
        print_json({setting});
    } else if (setting.origin != file.string()) {
        Context::print("the value in force is " + printable(setting.value) + ", from " +
                       (setting.origin == "environment" ? setting.variable + " in the environment"
                                                        : printable(setting.origin)) +
                       ", which takes precedence\n");
    }
    return k_done;
}

}  // namespace

Run declare_config(CLI::App& verb) {
    auto flags = std::make_shared<ConfigFlags>();
    verb.add_option("get|set", flags->verb, "Print one setting, or write it into the user's file")
        ->check([](const std::string& word) {
            auto error = choice_error(word, "get", "set");
            return error.empty() ? error : error + ": larder config get " + word;
        });
    verb.add_option("NAME", flags->name, "The name of the setting");
    verb.add_option("VALUE", flags->value, "The new value, for set");
    return [flags, &verb](const Context& context) {
        const auto& [what, name, value] = *flags;
        if (what.empty()) return print_all(context, context.settings().list);
        const bool has_value = verb.count("VALUE") > 0;
        if (name.empty())
            throw_usage("the name of the setting is missing", "larder config " + what + " NAME");
        if (what == "get" && has_value)
            throw_usage("'config get' takes one name", "larder config get " + name);
        if (what == "get") return run_get(context, name);
        if (!has_value) throw_usage("the value is missing", "larder config set " + name + " VALUE");
        return run_set(context, name, value);
    };
}

}  // namespace larder::cli
