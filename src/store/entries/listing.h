// Lists and counts everything that a larder holds. Private to store/.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// See Store for the contracts.
[[nodiscard]] Result<void> for_each_entry(Context& context,
                                          const std::function<Continue(ListedEntry&)>& visit,
                                          ManifestDetail detail = ManifestDetail::whole);
[[nodiscard]] Result<std::vector<Key>> find_keys(Context& context, std::string_view prefix);
[[nodiscard]] Result<Totals> measure(Context& context);

}  // namespace larder::internal::store
