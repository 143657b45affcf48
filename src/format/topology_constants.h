// Where the topology of a CPU blob says that its constants lie.
//
// A topology is XML as the runtime writes it: a `net` with `layers`, each `layer` with at most one
// `data`, and bodies of loops and branches inside of their layer, with `layers` again. A layer of
// the type "Const" has its place in `data`, as `offset` and `size`, relative to the constants
// section. All else, what `rt_info` says of other files too, is passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace larder::internal::format {

struct ConstantMention {
    std::size_t position = 0;  // of the offset's digits in the topology
    std::size_t digits = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;

    bool operator==(const ConstantMention&) const = default;
};

// In the order of the topology. Errc::damaged for a text that the runtime does not write, so that
// it and this reader cannot understand it in two ways; Errc::unsupported for layers of other types
// that seem to have a place as well. Takes time in proportion to the text.
[[nodiscard]] Result<std::vector<ConstantMention>> find_constants(std::string_view topology);

}  // namespace larder::internal::format
