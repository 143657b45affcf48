// The module behind `larder push`, `larder pull` and `larder key`: what it is asked, and what it
// exports. It brings the cryptography, which nothing else of larder loads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/progress.h"

namespace larder::cli {

// One storage of LARDER_REMOTE, for `larder doctor` and `larder why`.
struct ExaminedStorage {
    std::string url;
    std::string fault;          // empty if it works
    bool is_empty = false;      // which is the fault
    bool is_read_only = false;  // by its URL, or because there is no key to sign with
    // Whether of writes at the same time one succeeds, so that one machine of all compiles a model;
    // absent if that was not tried.
    std::optional<bool> has_conditions{};
    std::string entry{};  // of look: what it holds for the key
};

struct ExchangeFlags {
    enum class Work {
        push,
        pull,
        list,
        prune,
        generate_key,
        show_key,
        fetch,    // for a process that larder serves
        send,     // for a process that larder serves
        examine,  // for doctor
        look,     // for why: examines what there is for a key
    };

    Work work = Work::push;
    std::string url;                        // of push and pull: empty means those of LARDER_REMOTE
    std::vector<std::string> names;         // keys or models; none: all
    std::string key_file;                   // to sign with; of the work on keys: the file
    std::vector<std::string> trusted_keys;  // files of public keys
    std::string older_than;                 // of prune: an age
    std::vector<ExaminedStorage>* examined = nullptr;  // of examine and look: the result
    bool dry_run = false;
    bool yes = false;  // of prune: do not ask
    ProgressForm progress = ProgressForm::bar;
};

// Opens the module. Throws CommandError where that fails, and as the work does.
[[nodiscard]] int run_exchange(const Context& context, const ExchangeFlags& flags);

// By which the module is found, and what it exports: does the work and returns the exit code.
// Throws as a verb does.
inline constexpr const char* k_exchange_module = "liblarder_exchange.so";
inline constexpr const char* k_exchange_entry = "larder_exchange";
extern "C" using RunExchange = int(const Context& context, const ExchangeFlags& flags);

}  // namespace larder::cli
