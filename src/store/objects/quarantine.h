// Quarantines objects and entries that must not be used again. Private to store/.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Moves the object to quarantine, and the entry `key` if it still names the object. Does nothing if
// the object is not the file `seen`. If the larder cannot be written, puts the object on this
// machine's list of distrusted objects.
[[nodiscard]] Result<void> quarantine_object(Context& context, const std::optional<Key>& key,
                                             const Digest& object,
                                             const std::optional<os::FileStamp>& seen);

// Reads an entry again, and moves it to quarantine if it is damaged.
[[nodiscard]] Result<void> quarantine_manifest(Context& context, const Key& key);

// Returns the entries that were quarantined with an object, and were not published again since.
// Leaves out those that cannot be read.
[[nodiscard]] Result<std::vector<Manifest>> entries_set_aside(const Context& context);
// Tells whether the entry of the key was quarantined with an object. One look at a file.
[[nodiscard]] bool is_entry_set_aside(const Context& context, const Key& key);
void forget_entry_set_aside(Context& context, const Key& key);

// Tells whether the object's file is on this machine's list.
[[nodiscard]] bool is_distrusted(const Context& context, const Digest& object);

}  // namespace larder::internal::store
