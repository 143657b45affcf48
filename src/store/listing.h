// Walks through the directories of a larder. Private to store/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/administration.h"
#include "store/context.h"

namespace larder::internal::store {

// Visits every file in a folder of 256 directories (`entries/`, `objects/`). Directories that are
// absent, or vanish meanwhile, count as empty.
[[nodiscard]] Result<void> for_each_file(
    const Context& context, const std::string& folder,
    const std::function<Continue(const std::string& directory, const os::DirectoryEntry&)>& visit);

// Returns the key or digest in a file's name; nothing for other files.
[[nodiscard]] std::optional<Key> key_in_name(std::string_view name);
[[nodiscard]] std::optional<Digest> digest_in_name(std::string_view name);

}  // namespace larder::internal::store
