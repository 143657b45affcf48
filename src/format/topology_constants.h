// Finds the places of constants in the topology of a CPU blob.
//
// A topology is XML as the runtime writes it: a `net` with `layers`, each `layer` with at most one
// `data`, and bodies of loops and branches inside their layer, with `layers` again. A layer of the
// type "Const" has its place in `data`, as `offset` and `size`, relative to the constants section.
// Everything else is skipped, including places in other files in `rt_info`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace larder::internal::format {

struct ConstantMention {
    std::size_t position = 0;  // of the offset's digits, in the topology
    std::size_t digits = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;

    bool operator==(const ConstantMention&) const = default;
};

// Returns the constants in the order of the topology. Errc::damaged for a text that the runtime
// does not write, so that the two cannot read it differently; Errc::unsupported for layers of other
// types that seem to have a place as well. Takes time in proportion to the text.
[[nodiscard]] Result<std::vector<ConstantMention>> find_constants(std::string_view topology);

}  // namespace larder::internal::format
