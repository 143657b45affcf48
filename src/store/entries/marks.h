// Records in the larder itself when entries were used: in the mtime of the entry's file, which all
// machines that share the larder can set and read. Private to store/.
#pragma once

#include <cstdint>
#include <map>

#include "base/result.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// See Store for the contracts.
void mark_used(Context& context, const Key& key) noexcept;
// Returns ListedEntry::used_at_ns; `marked_at_ns` is the mtime of the entry's file.
[[nodiscard]] std::int64_t use_marked(const Manifest& manifest, std::int64_t marked_at_ns);
[[nodiscard]] Result<std::map<Key, std::int64_t>> last_uses(Context& context);

}  // namespace larder::internal::store
