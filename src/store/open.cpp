// Opens, creates and refuses larders.
#include <algorithm>
#include <array>
#include <utility>

#include "os/denial.h"
#include "os/shared_file_system.h"
#include "store/disk/context.h"
#include "store/disk/creation.h"
#include "store/disk/tmp_file.h"
#include "store/store.h"

namespace larder::internal::store {
namespace {

// A directory that is to become a larder may contain only these names.
constexpr std::array<std::string_view, 13> k_own_names = {
    "CACHEDIR.TAG", "larder.json", "larder.toml", "objects", "entries", "locks",     "tmp",
    "quarantine",   "trials",      "families",    "pins",    "account", "lost+found"};

// Errc::invalid_argument for a directory with other files in it.
Result<void> check_unused(const Context& context) {
    const auto entries = context.fs().list(context.layout.root());
    if (!entries) return fail(entries.error());
    for (const auto& entry : *entries) {
        if (std::find(k_own_names.begin(), k_own_names.end(), entry.name) == k_own_names.end()) {
            return fail(Errc::invalid_argument,
                        "the directory is not empty and not a larder:", context.layout.root(),
                        "choose another directory");
        }
    }
    return {};
}

constexpr std::uint32_t k_group_writes = 0020;
constexpr std::uint32_t k_others_write = 0002;

// Users who can write to a larder decide what the programs that use it run.
Result<void> check_writers(const Context& context, const os::FileInfo& root) {
    if (context.world_writable == WorldWritable::allow || (root.mode & k_others_write) == 0) {
        return {};
    }
    const auto& path = context.layout.root();
    return fail(Errc::permission_denied,
                "every user can write to the larder, and so replace any model:", path,
                "chmod o-w '" + path +
                    "', and share it by a group (chmod g+ws); or, where everybody may be trusted, "
                    "LARDER_ALLOW_WORLD_WRITABLE=on");
}

bool is_refusal(const Error& error) {
    return error.code == Errc::permission_denied || error.code == Errc::read_only;
}

void make_read_only(Context& context, Error reason) {
    context.access = Access::read_only;
    context.read_only_reason = std::move(reason);
}

Result<void> create_or_read_only(Context& context, Creation creation) {
    if (context.access == Access::read_only) return {};
    if (creation == Creation::never) {
        make_read_only(context,
                       {Errc::not_found, 0, "there is no larder", context.layout.root(), {}});
        return {};
    }
    auto created = create_larder(context);
    if (created) {
        context.id = *created;
        return {};
    }
    if (!is_refusal(created.error())) return fail(std::move(created.error()));
    make_read_only(context, std::move(created.error()));
    return {};
}

// Only a complete larder gets entries, so that a program that is creating one is not meant.
void warn_of_new_id(const Context& context) {
    const auto entries = context.fs().list(context.layout.entries());
    if (!entries || entries->empty()) return;
    context.log.warn_once("id", "'" + context.layout.info() +
                                    "' was missing and is written again: entries are kept, "
                                    "statistics start again");
}

Error explained(const Context& context, Error error) {
    return os::explain_denial(context.fs(), std::move(error), "larder", context.layout.root());
}

Result<void> open_context(Context& context, Creation creation) {
    const auto info = context.fs().info(context.layout.root());
    if (!info) {
        if (info.error().code == Errc::not_found && info.error().system_errno != ENOTDIR) {
            return create_or_read_only(context, creation);
        }
        return fail(explained(context, info.error()));
    }
    if (info->kind != os::FileKind::directory) {
        return fail(Errc::invalid_argument, "not a directory:", context.layout.root(),
                    "choose another directory");
    }
    if (auto checked = check_writers(context, *info); !checked) return checked;
    const bool is_of_another = os::is_root() && info->owner != 0;
    if (is_of_another && context.access == Access::read_write) {
        context.log.info("root stores models in the larder of user " + std::to_string(info->owner) +
                         ", to whom the files then belong: " + context.layout.root());
    }
    if (is_of_another || (info->mode & (k_group_writes | k_others_write)) != 0) {
        context.shared_fs = os::make_shared_file_system(context.system.fs);
    }
    auto id = read_larder_id(context);
    if (!id) {
        if (id.error().code != Errc::not_found) {
            return fail(explained(context, std::move(id.error())));
        }
        if (auto unused = check_unused(context); !unused) return unused;
        auto created = create_or_read_only(context, creation);
        if (created && !context.id.empty()) warn_of_new_id(context);
        return created;
    }
    context.id = std::move(*id);
    if (context.access == Access::read_only) return {};
    auto writable = context.fs().check_writable(context.layout.tmp());
    if (!writable && writable.error().code == Errc::not_found) {
        return create_or_read_only(context, Creation::when_absent);
    }
    if (!writable) make_read_only(context, std::move(writable.error()));
    return {};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const os::System& system, Log& log,
                                           VerifiedMemory& memory, const OpenOptions& options) {
    if (options.directory.empty()) {
        return fail(Errc::not_found,
                    "there is no place for a larder: this user has no home directory", {},
                    "set LARDER_DIR or HOME");
    }
    auto context = std::make_unique<Context>(Context{system,
                                                     log,
                                                     memory,
                                                     Layout(options.directory),
                                                     {},
                                                     {},
                                                     options.access,
                                                     {},
                                                     options.threads,
                                                     options.max_size,
                                                     options.min_free,
                                                     options.history,
                                                     options.world_writable});
    if (auto opened = open_context(*context, options.creation); !opened) {
        return fail(std::move(opened.error()));
    }
    if (!options.state_directory.empty() && !context->id.empty()) {
        context->notes.emplace(os::join(os::join(options.state_directory, "larders"), context->id));
    }
    if (const auto layout = writable_layout(*context)) sweep(*context, **layout);
    return std::unique_ptr<Store>(new Store(std::move(context)));
}

}  // namespace larder::internal::store
