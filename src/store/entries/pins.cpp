#include "store/entries/pins.h"

#include "store/disk/walk.h"

namespace larder::internal::store {

Result<void> pin(Context& context, const Key& key) {
    if (auto writable = require_writable(context); !writable) return writable;
    auto& fs = context.fs();
    const auto path = context.layout.pin(key);
    const auto directory = os::parent_directory(path);
    if (auto made = ensure_directory(fs, context.layout.pins()); !made) return made;
    if (auto made = ensure_directory(fs, directory); !made) return made;
    if (auto file = fs.open(path, os::OpenMode::create_or_open); !file) return fail(file.error());
    return fs.sync_directory(directory);
}

Result<void> unpin(Context& context, const Key& key) {
    if (auto writable = require_writable(context); !writable) return writable;
    auto& fs = context.fs();
    const auto path = context.layout.pin(key);
    auto removed = fs.remove(path);
    if (removed) return fs.sync_directory(os::parent_directory(path));
    if (removed.error().code == Errc::not_found) return {};
    return removed;
}

Result<std::set<Key>> pinned_keys(const Context& context) {
    std::set<Key> keys;
    auto walked = for_each_file(context, context.layout.pins(),
                                [&](const std::string&, const os::DirectoryEntry& file) {
                                    const auto key = Key::from_hex(file.name);
                                    if (key) keys.insert(*key);
                                    return Continue::yes;
                                });
    if (!walked) return fail(std::move(walked.error()));
    return keys;
}

}  // namespace larder::internal::store
