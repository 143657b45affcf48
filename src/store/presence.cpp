#include "store/presence.h"

#include <string_view>
#include <utility>

#include "store/context.h"
#include "store/tmp_file.h"

namespace larder::internal::store {
namespace {

// The same for all who use the key on this machine, since it was started: others that share the
// larder have other memory.
std::string kind_of(const Context& context, const Key& key) {
    constexpr std::size_t k_characters = 32;
    const auto here = key.hex() + context.system.process.boot_id;
    return "user-" + hash_bytes(std::as_bytes(std::span(here))).hex().substr(0, k_characters);
}

}  // namespace

Result<Presence> announce(Context& context, const Key& key) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    auto file = TmpFile::create(context, **layout, kind_of(context, key));
    if (!file) return fail(std::move(file.error()));
    return Presence(context.fs(), std::move(*file).release());
}

bool is_anybody_else_present(Context& context, const Key& key,
                             const std::string& own_path) noexcept {
    const auto layout = writable_layout(context);
    if (!layout) return false;
    const auto directory = (*layout)->tmp();
    const auto own = os::file_name(own_path);
    const auto kind = kind_of(context, key);
    const auto files = context.fs().list(directory);
    if (!files) return false;
    for (const auto& file : *files) {
        if (file.name == own || !file.name.starts_with(kind)) continue;
        const auto other = context.fs().open(os::join(directory, file.name), os::OpenMode::read);
        if (!other) continue;
        // Whoever died has left its file, and no lock.
        const auto locked = (*other)->is_locked();
        if (locked && *locked) return true;
    }
    return false;
}

}  // namespace larder::internal::store
