// Which entries nobody will ask for again. A decision over facts: no I/O.
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
#include "cache/model_search.h"
#include "format/key.h"

namespace larder::internal::cache {

// The first that holds is told.
enum class StaleReason {
    gone,
    changed,
    superseded,    // the same is kept for another runtime or driver, which is in use here
    incompatible,  // a request on this machine has another runtime, driver or device
};

struct Staleness {
    StaleReason reason = StaleReason::gone;
    std::string detail;
    // Nobody loses by its removal. What another machine or another runtime on this one may still
    // use is certain only when nobody has used it for k_disuse.
    bool certain = false;
};

inline constexpr std::chrono::hours k_disuse{14 * 24};

// A blob, or what goes with one: see cache/unpacked.h and cache/kernels.h.
enum class KeptForm { blob, unpacked, kernels };

// Refers to what the caller holds.
struct KeptEntry {
    std::string_view key;
    std::string_view fingerprint;                  // of its model
    const format::KeyInputs* built_for = nullptr;  // the inputs "device.…" and "runtime.…"
    std::string_view requirements;
    KeptForm form = KeptForm::blob;
    std::int64_t created_at_ns = 0;
    std::optional<std::int64_t> last_used_at_ns;  // on this machine
    std::int64_t used_anywhere_at_ns = 0;         // as far as the larder tells; 0: it does not
    // Within k_disuse, programs of this machine asked for models built for exactly this: by
    // whichever OpenVINO they have.
    bool asked_for_here = false;
    Located model;
};

// What the runtime of this machine says now.
class RuntimeFacts {
public:
    RuntimeFacts() = default;
    RuntimeFacts(const RuntimeFacts&) = delete;
    RuntimeFacts& operator=(const RuntimeFacts&) = delete;
    virtual ~RuntimeFacts() = default;

    // The inputs "device.…" and "runtime.…" that the key of a request like the kept one would have;
    // empty where there is no such device. Valid until the next call.
    [[nodiscard]] virtual const format::KeyInputs& inputs(const format::KeyInputs& kept) = 0;
    // Whether the device refuses a blob with these requirements.
    [[nodiscard]] virtual bool refuses(const std::string& device,
                                       const std::string& requirements) = 0;
    // The build of OpenVINO.
    [[nodiscard]] virtual std::string openvino() = 0;
    // Whether a device here loads what OpenVINO's own cache has noted so.
    [[nodiscard]] virtual bool accepts(const std::string& runtime_info) = 0;
};

// All key inputs of the entry with this index.
using AllInputs = std::function<format::KeyInputs(std::size_t)>;

// Of the inputs "device.…" and "runtime.…" among these: tells what a request was made for.
[[nodiscard]] Digest facts_digest(const format::KeyInputs& inputs);

// One answer for each of `entries`, which are all of a larder: without some of them, what
// supersedes others may not be found. Without `runtime`, nothing is incompatible, and what
// supersedes is told by what this machine has used.
[[nodiscard]] std::vector<std::optional<Staleness>> judge(std::span<const KeptEntry> entries,
                                                          const AllInputs& all_inputs,
                                                          RuntimeFacts* runtime,
                                                          std::int64_t now_ns);

}  // namespace larder::internal::cache
