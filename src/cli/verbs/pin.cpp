#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/targets.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

using Names = std::shared_ptr<std::vector<std::string>>;
using Change = void (Store::*)(const std::vector<std::string>&);

Run declare(CLI::App& verb, Change change, const std::string& done) {
    const Names names = std::make_shared<std::vector<std::string>>();
    verb.add_option("KEY|MODEL", *names,
                    "A key, the beginning of one, or a model, which stands for all its entries")
        ->required();
    return [names, change, done](const Context& context) {
        Store store(context.options());
        const auto keys = find_targets(store, *names).keys;
        (store.*change)(keys);
        auto json = json_object();
        switch (context.format()) {
            case Format::json:
                json[done] = keys;
                Context::print(json_line(json));
                break;
            case Format::keys:
                for (const auto& key : keys) Context::print_key(key);
                break;
            case Format::table:
                Context::print(done + " " + std::to_string(keys.size()) +
                               (keys.size() == 1 ? " entry\n" : " entries\n"));
        }
        return k_done;
    };
}

}  // namespace

Run declare_pin(CLI::App& verb) { return declare(verb, &Store::pin, "pinned"); }

Run declare_unpin(CLI::App& verb) { return declare(verb, &Store::unpin, "unpinned"); }

}  // namespace larder::cli
