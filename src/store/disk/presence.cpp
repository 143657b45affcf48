#include "store/disk/presence.h"

#include <algorithm>
#include <span>
#include <utility>

#include "store/disk/context.h"
#include "store/disk/tmp_file.h"

namespace larder::internal::store {
namespace {

// The same for all processes that use the key on this machine since its start: other machines that
// share the larder have other memory.
std::string kind_of(const Context& context, const Key& key) {
    constexpr std::size_t k_characters = 32;
    const auto here = key.hex() + context.system.process.boot_id;
    return "user-" + hash_bytes(std::as_bytes(std::span(here))).hex().substr(0, k_characters);
}

}  // namespace

Result<Presence> announce(Context& context, const Key& key) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    auto file = TmpFile::create(context, **layout, kind_of(context, key), {}, Readers::of_the_lock);
    if (!file) return fail(std::move(file.error()));
    return Presence(ScratchFile(context.fs(), std::move(*file).release()));
}

std::uint64_t count_announced_by_others(Context& context, const Key& key,
                                        const std::set<std::string>& own_paths) {
    const auto layout = writable_layout(context);
    if (!layout) return 0;
    const auto kind = kind_of(context, key);
    const auto files = context.fs().list((*layout)->tmp());
    if (!files) return 0;
    const auto count = std::ranges::count_if(*files, [&](const os::DirectoryEntry& entry) {
        const auto path = os::join((*layout)->tmp(), entry.name);
        if (!entry.name.starts_with(kind) || own_paths.contains(path)) return false;
        const auto file = context.fs().open(path, os::OpenMode::read);
        if (!file) return false;
        // A process that died leaves its file, but no lock.
        const auto locked = (*file)->is_locked();
        return locked && *locked;
    });
    return static_cast<std::uint64_t>(count);
}

}  // namespace larder::internal::store
