#include "store/entries/marks.h"

#include <algorithm>

#include "store/disk/walk.h"

namespace larder::internal::store {
namespace {

// Marks once an hour: enough to tell entries in use from others, at the cost of one write.
constexpr std::int64_t k_again_after_ns = 3'600'000'000'000;

}  // namespace

void mark_used(Context& context, const Key& key) noexcept {
    if (context.access == Access::read_only) return;
    const auto path = context.layout.entry(key);
    const auto info = context.fs().link_info(path);
    if (!info) return;
    const auto since_ns = context.system.clock.wall().count() - info->stamp.mtime_ns;
    if (since_ns < k_again_after_ns) return;
    static_cast<void>(context.fs().touch(path));
}

std::int64_t use_marked(const Manifest& manifest, std::int64_t marked_at_ns) {
    // Publishing also sets the mtime.
    return marked_at_ns - manifest.created_at_ns >= k_again_after_ns ? marked_at_ns : 0;
}

Result<std::map<Key, std::int64_t>> last_uses(Context& context) {
    std::map<Key, std::int64_t> uses;
    auto walked = for_each_file(context, context.layout.entries(),
                                [&](const std::string& directory, const os::DirectoryEntry& file) {
                                    const auto key = key_in_name(file.name);
                                    if (!key) return Continue::yes;
                                    const auto info =
                                        context.fs().link_info(os::join(directory, file.name));
                                    if (info) uses[*key] = info->stamp.mtime_ns;
                                    return Continue::yes;
                                });
    if (!walked) return fail(std::move(walked.error()));
    if (context.history == nullptr) return uses;
    for (const auto& [key, history] : context.history->requests(context.id)) {
        const auto found = uses.find(key);
        if (found != uses.end()) found->second = std::max(found->second, history.last_ns);
    }
    return uses;
}

}  // namespace larder::internal::store
