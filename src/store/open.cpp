// Opens, creates and refuses larders.
#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "format/larder_info.h"
#include "os/denial.h"
#include "os/shared_file_system.h"
#include "store/context.h"
#include "store/store.h"
#include "store/tmp_file.h"

namespace larder::internal::store {
namespace {

// A directory that is to become a larder may contain only these names.
constexpr std::array<std::string_view, 13> k_own_names = {
    "CACHEDIR.TAG", "larder.json", "larder.toml", "objects", "entries", "locks",     "tmp",
    "quarantine",   "trials",      "families",    "pins",    "account", "lost+found"};

Result<std::string> read_id(const Context& context) {
    const auto path = context.layout.info();
    const auto text = os::read_text(context.fs(), path, format::k_larder_info_bytes_max);
    if (!text) return fail(text.error());
    auto info = format::decode_larder_info(*text);
    if (info) return info->id;
    auto error = std::move(info.error());
    error.path = path;
    if (error.code == Errc::damaged) {
        // Entries and objects are verified by themselves; only the id is lost.
        error.remedy = "remove this file; it will be made anew";
    }
    return fail(std::move(error));
}

// Errc::invalid_argument for a directory with other files in it.
Result<void> check_unused(const Context& context) {
    const auto entries = context.fs().list(context.layout.root());
    if (!entries) return fail(entries.error());
    for (const auto& entry : *entries) {
        if (std::find(k_own_names.begin(), k_own_names.end(), entry.name) == k_own_names.end()) {
            return fail(Errc::invalid_argument,
                        "neither a larder nor empty:", context.layout.root(),
                        "choose another directory");
        }
    }
    return {};
}

Result<TmpFile> write_tmp(Context& context, std::string_view kind, std::string_view text) {
    auto tmp = TmpFile::create(context, context.layout, kind);
    if (!tmp) return tmp;
    const auto bytes = std::as_bytes(std::span(text));
    if (auto done = tmp->file().write_at(0, bytes); !done) return fail(std::move(done.error()));
    if (auto done = tmp->file().sync(); !done) return fail(std::move(done.error()));
    return tmp;
}

Result<void> write_tag(Context& context) {
    const auto path = context.layout.tag();
    if (context.fs().link_info(path)) return {};
    auto tmp = write_tmp(context, "tag", format::cache_directory_tag());
    if (!tmp) return fail(std::move(tmp.error()));
    return tmp->move_to(path);
}

Result<void> write_info(Context& context) {
    auto& fs = context.fs();
    const auto path = context.layout.info();
    if (fs.link_info(path)) return {};
    const auto text = format::encode_larder_info({make_nonce(context) + make_nonce(context)});
    if (!text) return fail(text.error());
    auto tmp = write_tmp(context, "info", *text);
    if (!tmp) return fail(std::move(tmp.error()));
    // C1: a link, which unlike a rename never replaces an id that another process has just given.
    auto linked = fs.link(tmp->path(), path);
    if (linked || linked.error().code == Errc::already_exists) return {};
    const auto code = linked.error().code;
    const bool knows_no_links = code == Errc::permission_denied || code == Errc::unsupported;
    return knows_no_links ? tmp->move_to(path) : linked;
}

constexpr std::uint32_t k_group_writes = 0020;
constexpr std::uint32_t k_others_write = 0002;
constexpr std::uint32_t k_others = 0007;

// Users who can write to a larder decide what the programs that use it run.
Result<void> check_writers(const Context& context, const os::FileInfo& root) {
    if (context.world_writable == WorldWritable::allow || (root.mode & k_others_write) == 0) {
        return {};
    }
    const auto& path = context.layout.root();
    return fail(Errc::permission_denied,
                "everybody can write to the larder, and put any model in:", path,
                "chmod o-w '" + path +
                    "', and share it by a group (chmod g+ws); or, where everybody may be trusted, "
                    "LARDER_ALLOW_WORLD_WRITABLE=on");
}

// Under a umask of 0, the new directory would be writable for everybody.
void close_to_others(const Context& context) {
    if (context.world_writable == WorldWritable::allow) return;
    const auto root = context.fs().open(context.layout.root(), os::OpenMode::read);
    const auto info = root ? (*root)->info() : Result<os::FileInfo>(fail(root.error()));
    if (!info || (info->mode & k_others_write) == 0) return;
    static_cast<void>((*root)->set_mode(info->mode & ~k_others));
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
        context.log.info("root keeps models in the larder of user " + std::to_string(info->owner) +
                         ", whose they are from then on: " + context.layout.root());
    }
    if (is_of_another || (info->mode & (k_group_writes | k_others_write)) != 0) {
        context.shared_fs = os::make_shared_file_system(context.system.fs);
    }
    auto id = read_id(context);
    if (!id) {
        if (id.error().code != Errc::not_found) {
            return fail(explained(context, std::move(id.error())));
        }
        if (auto unused = check_unused(context); !unused) return unused;
        return create_or_read_only(context, creation);
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

Result<void> require_writable(const Context& context) {
    if (context.access == Access::read_write) return {};
    return fail(Errc::read_only, "the larder is open for reading only:", context.layout.root());
}

Result<const Layout*> writable_layout(const Context& context) {
    if (context.access == Access::read_write) return &context.layout;
    if (context.notes) return &*context.notes;
    return fail(Errc::read_only, "there is no state directory to take notes of",
                context.layout.root());
}

std::string make_nonce(const Context& context) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx",
                  static_cast<unsigned long long>(context.system.entropy.next()));
    return text.data();
}

Result<void> ensure_directory(os::FileSystem& fs, const std::string& path) {
    const auto parent = os::parent_directory(path);
    auto made = fs.make_directory(path);
    if (!made && made.error().code == Errc::not_found) {
        // The parent directory was removed too.
        if (auto above = os::make_directories(fs, parent); !above) return above;
        made = fs.make_directory(path);
    }
    if (!made && made.error().code != Errc::already_exists) return made;
    // Synced even if the directory existed: the process that made it may have died before syncing.
    return fs.sync_directory(parent);
}

Result<std::string> create_larder(Context& context) {
    auto& fs = context.fs();
    const auto& layout = context.layout;
    if (auto made = os::make_directories(fs, layout.root()); !made) {
        return fail(std::move(made.error()));
    }
    close_to_others(context);
    for (const auto& folder : {layout.objects(), layout.entries(), layout.locks(), layout.tmp(),
                               layout.quarantine(), layout.trials()}) {
        auto made = fs.make_directory(folder);
        if (!made && made.error().code != Errc::already_exists) {
            return fail(std::move(made.error()));
        }
    }
    if (auto written = write_tag(context); !written) return fail(std::move(written.error()));
    auto above = fs.sync_directory(os::parent_directory(layout.root()));
    // This user may not be able to read the directory above; then it was not made here either.
    if (!above && above.error().code != Errc::permission_denied) {
        return fail(std::move(above.error()));
    }
    // C1: last, so that a directory with a larder.json is complete. Without it, the next to open
    // the directory finishes what is missing.
    if (auto synced = fs.sync_directory(layout.root()); !synced) {
        return fail(std::move(synced.error()));
    }
    if (auto written = write_info(context); !written) return fail(std::move(written.error()));
    if (auto synced = fs.sync_directory(layout.root()); !synced) {
        return fail(std::move(synced.error()));
    }
    return read_id(context);
}

Result<std::unique_ptr<Store>> Store::open(const os::System& system, Log& log,
                                           VerifiedMemory& memory, const OpenOptions& options) {
    if (options.directory.empty()) {
        return fail(Errc::invalid_argument, "the larder has no directory");
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
