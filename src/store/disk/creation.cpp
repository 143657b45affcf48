#include "store/disk/creation.h"

#include <span>
#include <string_view>
#include <utility>

#include "format/larder_info.h"
#include "store/disk/tmp_file.h"

namespace larder::internal::store {
namespace {

constexpr std::uint32_t k_others_may_write = 0002;
constexpr std::uint32_t k_others = 0007;

Result<TmpFile> write_tmp(Context& context, std::string_view kind, std::string_view text) {
    auto tmp = TmpFile::create(context, context.layout, kind);
    if (!tmp) return tmp;
    const auto bytes = std::as_bytes(std::span(text));
    if (auto done = tmp->file().write_at(0, bytes); !done) return fail(std::move(done.error()));
    return tmp;
}

Result<void> write_tag(Context& context) {
    const auto path = context.layout.tag();
    if (context.fs().link_info(path)) return {};
    // Not synced: only backup programs read it, and take no other text for it.
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
    if (auto done = tmp->file().sync(); !done) return fail(std::move(done.error()));
    // C1: a link, which unlike a rename never replaces an id that another process has just given.
    auto linked = fs.link(tmp->path(), path);
    if (linked || linked.error().code == Errc::already_exists) return {};
    const auto code = linked.error().code;
    const bool knows_no_links = code == Errc::permission_denied || code == Errc::unsupported;
    return knows_no_links ? tmp->move_to(path) : linked;
}

// Under a umask of 0, the new directory would be writable for everybody.
void close_to_others(const Context& context) {
    if (context.world_writable == WorldWritable::allow) return;
    const auto root = context.fs().open(context.layout.root(), os::OpenMode::read);
    const auto info = root ? (*root)->info() : Result<os::FileInfo>(fail(root.error()));
    if (!info || (info->mode & k_others_may_write) == 0) return;
    static_cast<void>((*root)->set_mode(info->mode & ~k_others));
}

}  // namespace

Result<std::string> read_larder_id(const Context& context) {
    const auto path = context.layout.info();
    const auto text = os::read_text(context.fs(), path, format::k_larder_info_bytes_max);
    if (!text) return fail(text.error());
    auto info = format::decode_larder_info(*text);
    if (info) return info->id;
    auto error = std::move(info.error());
    error.path = path;
    if (error.code == Errc::damaged) {
        // Entries and objects are verified by themselves; only the id is lost.
        error.remedy = "remove this file; larder creates it again";
    }
    return fail(std::move(error));
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
    return read_larder_id(context);
}

}  // namespace larder::internal::store
