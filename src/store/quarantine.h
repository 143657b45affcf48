// Setting aside what must not be used again. Private to store/.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "store/context.h"
#include "store/types.h"

namespace larder::internal::store {

// Moves the object to quarantine, and the entry `key` if it still names the object. Does
// nothing to an object that is not the file `seen`. Where the larder cannot be written, puts the
// object on this machine's list.
[[nodiscard]] Result<void> quarantine_object(Context& context, const std::optional<Key>& key,
                                             const Digest& object,
                                             const std::optional<os::FileStamp>& seen);

// Moves an entry to quarantine if, looked at again, it is damaged.
[[nodiscard]] Result<void> quarantine_manifest(Context& context, const Key& key);

// The entries that went there with an object, and were not published anew since. Those that cannot
// be read are left out.
[[nodiscard]] Result<std::vector<Manifest>> entries_set_aside(const Context& context);
void forget_entry_set_aside(Context& context, const Key& key);

// Whether the object's file is on this machine's list.
[[nodiscard]] bool is_distrusted(const Context& context, const Digest& object);

}  // namespace larder::internal::store
