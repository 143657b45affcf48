// Setting aside what must not be used again. Private to store/.
#pragma once

#include <optional>

#include "base/result.h"
#include "store/context.h"
#include "store/types.h"

namespace larder::internal::store {

// Moves the object to quarantine, and removes the entry `key` if it still names the object. Does
// nothing to an object that is not the file `seen`. Where the larder cannot be written, puts the
// object on this machine's list.
[[nodiscard]] Result<void> quarantine_object(Context& context, const std::optional<Key>& key,
                                             const Digest& object,
                                             const std::optional<os::FileStamp>& seen);

// Moves an entry to quarantine if, looked at again, it is damaged.
[[nodiscard]] Result<void> quarantine_manifest(Context& context, const Key& key);

// Whether the object's file is on this machine's list.
[[nodiscard]] bool is_distrusted(const Context& context, const Digest& object);

}  // namespace larder::internal::store
