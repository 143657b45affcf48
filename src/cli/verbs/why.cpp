#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/exchanging.h"
#include "cli/failure.h"
#include "cli/json.h"
#include "cli/request_flags.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

// Asks the storages of LARDER_REMOTE for the key of a miss.
std::vector<ExaminedStorage> look(const Context& context, const Json& why) {
    std::vector<ExaminedStorage> storages;
    if (why["would_hit"] == true || !why["key"].is_string()) return storages;
    ExchangeFlags flags;
    flags.work = ExchangeFlags::Work::look;
    flags.names = {why["key"].get<std::string>()};
    flags.examined = &storages;
    static_cast<void>(run_exchange(context, flags));
    return storages;
}

int run_why(const Context& context, const WhyFlags& flags) {
    const auto options = context.settings_for_another().options;
    const bool are_there = options.remote && !options.remote->empty();
    if (!are_there || context.format() == Format::keys) return runtime().why(context, flags);
    auto why = runtime().explain(context.options(), flags);
    const auto storages = look(context, why);
    if (context.format() == Format::json) {
        why["storages"] = Json::array();
        for (const auto& storage : storages) {
            why["storages"].push_back({{"url", storage.url}, {"entry", storage.entry}});
        }
        Context::print(json_line(why));
        return k_done;
    }
    const int code = runtime().why(context, flags);
    auto table = context.whole_table({{"STORAGE"}, {"ENTRY"}});
    for (const auto& storage : storages) {
        table.add({{printable(storage.url)}, {printable(storage.entry)}});
    }
    if (!table.empty()) Context::print("\n" + table.text());
    return code;
}

}  // namespace

Run declare_why(CLI::App& verb) {
    auto flags = std::make_shared<WhyFlags>();
    verb.add_option("KEY|MODEL", flags->model,
                    "A model, as compile takes it; or an entry, for the request that compiled it")
        ->required();
    declare_request(verb, flags->request);
    return [flags](const Context& context) { return run_why(context, *flags); };
}

}  // namespace larder::cli
