// Walks through the folders of a larder. Private to store/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// An absent directory counts as empty.
[[nodiscard]] Result<std::vector<os::DirectoryEntry>> list_if_there(const Context& context,
                                                                    const std::string& path);

// Visits every file in a folder of 256 directories (`entries/`, `objects/`). Directories that are
// absent, or vanish meanwhile, count as empty.
[[nodiscard]] Result<void> for_each_file(
    const Context& context, const std::string& folder,
    const std::function<Continue(const std::string& directory, const os::DirectoryEntry&)>& visit);

// Returns the key or digest in a file's name; nothing for other files.
[[nodiscard]] std::optional<Key> key_in_name(std::string_view name);
[[nodiscard]] std::optional<Digest> digest_in_name(std::string_view name);

}  // namespace larder::internal::store
