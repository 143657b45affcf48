/// \file
/// Stale entries: those that nobody will ask for again.
#pragma once

#include <map>
#include <ostream>
#include <string>

#include "larder/export.hpp"
#include "larder/require_cxx20.hpp"

namespace larder {

/// Why nobody will ask for an entry again. If several apply, the first of them is reported.
enum class StaleReason {
    gone,          ///< the model was deleted
    changed,       ///< the model's files have other content now
    superseded,    ///< the model has an entry for another runtime or driver in use here
    incompatible,  ///< the entry's runtime, driver or device is not that of this machine
};

/// Returns "gone", "changed", "superseded" or "incompatible".
[[nodiscard]] LARDER_EXPORT const char* to_string(StaleReason reason) noexcept;
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, StaleReason reason) {
    return out << to_string(reason);
}

/// Why an entry is stale.
struct Staleness {
    StaleReason reason = StaleReason::gone;  ///< the first that applies
    std::string detail;  ///< which file; or which input, its old value and its new one
    /// Nobody loses by its removal. True if the model is gone or changed. An entry that another
    /// machine, or another runtime on this one, may still use is certain only after 14 days without
    /// a request.
    bool certain = false;
};

/// Answers questions about the runtime of this machine. larder::ask_machine makes one for OpenVINO.
class LARDER_EXPORT Machine {
public:
    Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    virtual ~Machine() = default;

    /// Returns the inputs "device.…" and "runtime.…" of the key that a request like the stored one
    /// would have now; empty if there is no such device. Valid until the next call.
    [[nodiscard]] virtual const std::map<std::string, std::string>& inputs(
        const std::map<std::string, std::string>& kept) = 0;
    /// Tells whether the device refuses to load a blob with these requirements.
    [[nodiscard]] virtual bool refuses(const std::string& device,
                                       const std::string& requirements) = 0;
    /// Returns the build of OpenVINO.
    [[nodiscard]] virtual std::string openvino() = 0;
    /// Tells whether a device of this machine loads a file of OpenVINO's own cache that was made by
    /// `runtime_info`.
    [[nodiscard]] virtual bool accepts(const std::string& runtime_info) = 0;
};

/// How Store::find_stale searches.
struct StaleSearch {
    /// Limits how much of the models' files may be read if their stamps do not tell whether they
    /// changed.
    enum class Reading {
        little,  ///< 64 MiB of a model, 256 MiB in all: beyond that no entry is called changed
        all,     ///< whole files
    };
    Reading reading = Reading::little;  ///< the limit
    /// Not owned. If null, no entry is found to be incompatible.
    Machine* machine = nullptr;
};

}  // namespace larder
