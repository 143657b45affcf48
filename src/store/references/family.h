// Which objects a new blob is likely to have bytes in common with: `families/ab/<family>` names a
// few. Only advice: what it names may be gone, and is proved before it is used. Private to
// store/.
#pragma once

#include <span>
#include <vector>

#include "base/digest.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Newest first; empty if nothing is known.
[[nodiscard]] std::vector<Digest> read_family(const Context& context, const Digest& family);

// Best effort: without it, more is kept than needed.
void add_to_family(Context& context, const Digest& family, const Digest& object) noexcept;

// As Store::shareable.
[[nodiscard]] std::vector<MappedObject> map_families(Context& context,
                                                     std::span<const Digest> families);

// Removes the files that name no object that is there. The bytes on disk that frees.
[[nodiscard]] Result<std::uint64_t> remove_empty_families(Context& context, DryRun dry_run,
                                                          std::span<const Digest> gone);

}  // namespace larder::internal::store
