// Makes an entry that was published with Durability::soon survive a power cut.
#pragma once

#include "base/result.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context;

// Waits until the disk has a small object and its name. Does nothing for others, which were synced
// before they got a name.
[[nodiscard]] Result<void> sync_if_small(Context& context, const Part& part);
// The same for an entry and all that it names. Errc::not_found if it is not there any more.
[[nodiscard]] Result<void> sync_entry(Context& context, const Key& key);

}  // namespace larder::internal::store
