#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

void print_json(const std::vector<Setting>& settings) {
    auto json = json_object();
    json["settings"] = Json::array();
    for (const auto& setting : settings) {
        json["settings"].push_back({{"name", setting.name},
                                    {"variable", setting.variable},
                                    {"value", setting.value},
                                    {"origin", setting.origin},
                                    {"meaning", setting.meaning}});
    }
    Context::print(json_line(json));
}

void print_table(const Context& context, const std::vector<Setting>& settings) {
    auto table = context.table({{"SETTING"}, {"VALUE"}, {"ORIGIN"}, {"VARIABLE"}, {"MEANING"}});
    for (const auto& setting : settings) {
        table.add({{setting.name},
                   {setting.value.empty() ? "-" : setting.value},
                   {setting.origin, setting.origin == "default" ? Colour::faint : Colour::none},
                   {setting.variable},
                   {setting.meaning}});
    }
    Context::print(table.text());
}

int run_config(const Context& context) {
    const auto settings = context.settings().list;
    switch (context.format()) {
        case Format::json: print_json(settings); break;
        case Format::keys:
            for (const auto& setting : settings) Context::print_key(setting.name);
            break;
        case Format::table: print_table(context, settings); break;
    }
    return k_done;
}

}  // namespace

Run declare_config(CLI::App& /*verb*/) { return run_config; }

}  // namespace larder::cli
