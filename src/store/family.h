// Lists the blobs that a new one is likely to share bytes with: `families/ab/<family>` names a few
// objects. Only a hint: the objects may be gone, and are verified before they are used. Private to
// store/.
#pragma once

#include <vector>

#include "base/digest.h"
#include "store/administration.h"
#include "store/context.h"

namespace larder::internal::store {

// Newest first; empty if nothing is known.
[[nodiscard]] std::vector<Digest> read_family(const Context& context, const Digest& family);

// Adds a blob that is stored raw. Best effort: without it, more blobs than needed are stored raw.
void add_to_family(Context& context, const Digest& family, const Digest& object) noexcept;

// Removes the files that name no existing object. Returns the bytes freed on disk.
[[nodiscard]] Result<std::uint64_t> remove_empty_families(Context& context, DryRun dry_run,
                                                          std::span<const Digest> gone);

}  // namespace larder::internal::store
