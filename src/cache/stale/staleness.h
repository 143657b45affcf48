// Decides which entries are stale, from facts alone: no I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "cache/stale/model_search.h"
#include "format/key.h"
#include "larder/staleness.hpp"

namespace larder::internal::cache {

using larder::Machine;
using larder::Staleness;
using larder::StaleReason;

inline constexpr std::chrono::hours k_disuse{14 * 24};

// A blob, or an entry that belongs to one: see cache/sharing/unpacked.h and
// cache/entries/kernels.h.
enum class KeptForm { blob, unpacked, kernels };

// Refers to memory of the caller.
struct KeptEntry {
    std::string_view key;
    std::string_view fingerprint;                  // of the entry's model
    const format::KeyInputs* built_for = nullptr;  // the inputs "device.…" and "runtime.…"
    std::string_view requirements;
    KeptForm form = KeptForm::blob;
    std::int64_t created_at_ns = 0;
    std::optional<std::int64_t> last_used_at_ns;  // on this machine
    std::int64_t used_anywhere_at_ns = 0;         // from the larder's mark; 0: unknown
    // Within k_disuse, a program of this machine made a request with the same inputs "device.…" and
    // "runtime.…", whichever OpenVINO it has.
    bool asked_for_here = false;
    Located model;
};

// Returns all key inputs of the entry with this index.
using AllInputs = std::function<format::KeyInputs(std::size_t)>;

// Returns a digest of the inputs "device.…" and "runtime.…" among these. It identifies the OpenVINO
// and the devices of a request.
[[nodiscard]] Digest facts_digest(const format::KeyInputs& inputs);

// Returns one answer for each of `entries`, which must be all entries of a larder: without some of
// them, superseded ones may be missed. Without `machine`, no entry is incompatible, and a build
// counts as in use if this machine has used it.
[[nodiscard]] std::vector<std::optional<Staleness>> judge(std::span<const KeptEntry> entries,
                                                          const AllInputs& all_inputs,
                                                          Machine* machine, std::int64_t now_ns);

}  // namespace larder::internal::cache
