// Which blobs a new one is likely to share its bytes with: `families/ab/<family>` names a few
// objects. Only advice: what it names may be gone, and is proved before it is used. Private to
// store/.
#pragma once

#include <vector>

#include "base/digest.h"
#include "store/administration.h"
#include "store/context.h"

namespace larder::internal::store {

// The newest first; empty where nothing is known.
[[nodiscard]] std::vector<Digest> read_family(const Context& context, const Digest& family);

// Adds a blob that is kept whole. Best effort: without it, more is kept whole than needed.
void add_to_family(Context& context, const Digest& family, const Digest& object) noexcept;

// Removes the files that name no object that is there. The bytes on disk that frees.
[[nodiscard]] Result<std::uint64_t> remove_empty_families(Context& context, DryRun dry_run,
                                                          std::span<const Digest> gone);

}  // namespace larder::internal::store
