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

// Every file below a folder of 256 directories (`entries/`, `objects/`). Directories that vanish
// or are not there are empty.
[[nodiscard]] Result<void> for_each_file(
    const Context& context, const std::string& folder,
    const std::function<Continue(const std::string& directory, const os::DirectoryEntry&)>& visit);

// The key or digest in a file's name; absent for other files.
[[nodiscard]] std::optional<Key> key_in_name(std::string_view name);
[[nodiscard]] std::optional<Digest> digest_in_name(std::string_view name);

}  // namespace larder::internal::store
