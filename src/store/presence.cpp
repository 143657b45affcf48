#include "store/presence.h"

#include <span>
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
    auto file = TmpFile::create(context, **layout, kind_of(context, key), {}, Readers::of_the_lock);
    if (!file) return fail(std::move(file.error()));
    return Presence(ScratchFile(context.fs(), std::move(*file).release()));
}

std::vector<std::string> told_by_others(Context& context, const Key& key,
                                        const std::set<std::string>& own_paths) {
    constexpr std::uint64_t k_text_bytes_max = std::uint64_t{1} << 20;
    std::vector<std::string> texts;
    const auto layout = writable_layout(context);
    if (!layout) return texts;
    const auto kind = kind_of(context, key);
    const auto files = context.fs().list((*layout)->tmp());
    if (!files) return texts;
    for (const auto& entry : *files) {
        const auto path = os::join((*layout)->tmp(), entry.name);
        if (!entry.name.starts_with(kind) || own_paths.contains(path)) continue;
        const auto file = context.fs().open(path, os::OpenMode::read);
        if (!file) continue;
        // Whoever died has left its file, and no lock.
        const auto locked = (*file)->is_locked();
        if (!locked || !*locked) continue;
        texts.push_back(os::read_text(context.fs(), path, k_text_bytes_max).value_or(""));
    }
    return texts;
}

void Presence::tell(std::string text) {
    const auto bytes = text.size();
    // No shorter than what is there: a reader sees blanks behind it, and nothing of the old.
    if (bytes < told_bytes_) text.append(told_bytes_ - bytes, '\n');
    if (file_.file().write_at(0, std::as_bytes(std::span(text)))) told_bytes_ = text.size();
}

}  // namespace larder::internal::store
