#include "store/disk/context.h"

#include <array>
#include <cstdio>

namespace larder::internal::store {

Result<void> require_writable(const Context& context) {
    if (context.access == Access::read_write) return {};
    std::string what = "the larder can only be read";
    if (context.read_only_reason) what += " (" + context.read_only_reason->message() + ")";
    return fail(Errc::read_only, what + ":", context.layout.root());
}

Result<const Layout*> writable_layout(const Context& context) {
    if (context.access == Access::read_write) return &context.layout;
    if (context.notes) return &*context.notes;
    return fail(Errc::read_only, "there is no state directory for records of",
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

}  // namespace larder::internal::store
