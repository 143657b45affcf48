#include "store/disk/walk.h"

namespace larder::internal::store {

Result<std::vector<os::DirectoryEntry>> list_if_there(const Context& context,
                                                      const std::string& path) {
    auto entries = context.fs().list(path);
    if (!entries && entries.error().code == Errc::not_found) return {};
    return entries;
}

Result<void> for_each_file(
    const Context& context, const std::string& folder,
    const std::function<Continue(const std::string& directory, const os::DirectoryEntry&)>& visit) {
    const auto directories = list_if_there(context, folder);
    if (!directories) return fail(directories.error());
    for (const auto& each : *directories) {
        // Does not check the kind, which some file systems do not report: a file lists as absent.
        if (each.name.size() != 2) continue;
        const auto directory = os::join(folder, each.name);
        const auto files = list_if_there(context, directory);
        if (!files) return fail(files.error());
        for (const auto& file : *files) {
            if (visit(directory, file) == Continue::no) return {};
        }
    }
    return {};
}

std::optional<Key> key_in_name(std::string_view name) {
    if (!name.ends_with(Layout::k_entry_suffix)) return {};
    name.remove_suffix(Layout::k_entry_suffix.size());
    const auto key = Key::from_hex(name);
    return key ? std::optional(*key) : std::nullopt;
}

std::optional<Digest> digest_in_name(std::string_view name) {
    const auto digest = Digest::from_hex(name);
    return digest ? std::optional(*digest) : std::nullopt;
}

}  // namespace larder::internal::store
