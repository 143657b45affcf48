#include <memory>

#include <CLI/CLI.hpp>

#include "cli/exchanging.h"
#include "cli/failure.h"
#include "cli/surroundings.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

using SharedFlags = std::shared_ptr<ExchangeFlags>;

SharedFlags declare_work(CLI::App& verb, ExchangeFlags::Work work) {
    auto flags = std::make_shared<ExchangeFlags>();
    flags->work = work;
    verb.add_option("URL", flags->url,
                    "The URL of the shared storage: file:///DIRECTORY, s3://BUCKET/PREFIX or "
                    "https://HOST/PATH; default: those of LARDER_REMOTE");
    verb.add_option("KEY|MODEL", flags->names,
                    "A key or its beginning, or a model; default: every entry");
    verb.add_flag("-n,--dry-run", flags->dry_run, "Show what would be done, and do nothing");
    declare_progress(verb, flags->progress);
    return flags;
}

}  // namespace

int run_exchange(const Context& context, const ExchangeFlags& flags) {
    std::string error;
    auto* const run = reinterpret_cast<RunExchange*>(
        function_of(library_beside(k_exchange_module), k_exchange_entry, error));
    if (run == nullptr) {
        throw CommandError({"cannot open the library that reads and signs shared entries: " + error,
                            "reinstall larder"});
    }
    return run(context, flags);
}

Run declare_push(CLI::App& verb) {
    const auto flags = declare_work(verb, ExchangeFlags::Work::push);
    verb.add_option("--sign", flags->key_file,
                    "Sign the entries with this key, which 'larder key generate' makes")
        ->type_name("FILE");
    return [flags](const Context& context) { return run_exchange(context, *flags); };
}

Run declare_pull(CLI::App& verb) {
    const auto flags = declare_work(verb, ExchangeFlags::Work::pull);
    verb.add_option(
            "--trust", flags->trusted_keys,
            "Accept entries that were signed with this key, a file that ends in .pub (repeatable)")
        ->type_name("FILE")
        ->allow_extra_args(false);
    return [flags](const Context& context) { return run_exchange(context, *flags); };
}

int run_transfer(const std::vector<std::string>& words) {
    ExchangeFlags flags;
    const bool fetches = words.size() == 3 && words[1] == "fetch";
    const bool sends = words.size() == 2 && words[1] == "send";
    if (!fetches && !sends) {
        throw_usage("--transfer is for larder's own processes", "use push and pull");
    }
    flags.work = fetches ? ExchangeFlags::Work::fetch : ExchangeFlags::Work::send;
    if (fetches) flags.names.push_back(words.back());
    return run_exchange(Context(Flags{}), flags);
}

Run declare_key(CLI::App& verb) {
    auto flags = std::make_shared<ExchangeFlags>();
    auto what = std::make_shared<std::string>();
    verb.add_option("generate|show", *what,
                    "Make a signing key and its public key, or print a key's name")
        ->check([](const std::string& word) { return choice_error(word, "generate", "show"); })
        ->required();
    verb.add_option("FILE", flags->key_file,
                    "The file of the signing key; the public key gets the same name with .pub")
        ->required();
    return [flags, what](const Context& context) {
        using Work = ExchangeFlags::Work;
        flags->work = *what == "generate" ? Work::generate_key : Work::show_key;
        return run_exchange(context, *flags);
    };
}

}  // namespace larder::cli
