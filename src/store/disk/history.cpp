#include "store/disk/history.h"

#include <algorithm>

namespace larder::internal::store {
namespace {

// The weight of a new interval against earlier ones. If requests become rarer or more frequent,
// four or five of them are enough to adapt.
constexpr double k_new_interval = 0.3;

}  // namespace

RequestHistory with_request(const RequestHistory& before, std::int64_t at_ns) {
    if (before.last_ns == 0) return {at_ns, 0};
    const auto gap = std::max<std::int64_t>(at_ns - before.last_ns, 1);
    if (before.interval_ns == 0) return {std::max(at_ns, before.last_ns), gap};
    const auto interval = (1 - k_new_interval) * static_cast<double>(before.interval_ns) +
                          k_new_interval * static_cast<double>(gap);
    return {std::max(at_ns, before.last_ns),
            std::max<std::int64_t>(static_cast<std::int64_t>(interval), 1)};
}

}  // namespace larder::internal::store
