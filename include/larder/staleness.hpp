// Entries that nobody will ask for again.
#pragma once

#include <map>
#include <ostream>
#include <string>

#include "larder/export.hpp"
#include "larder/require_cxx20.hpp"

namespace larder {

// The first that holds is told.
enum class StaleReason {
    gone,          // the model was deleted
    changed,       // the model's files have other content now
    superseded,    // the same is kept for another runtime or driver, which is in use here
    incompatible,  // the runtime, driver or device of this machine is another than the entry's
};

// "gone", "changed", "superseded", "incompatible".
[[nodiscard]] LARDER_EXPORT const char* to_string(StaleReason reason) noexcept;
inline std::ostream& operator<<(std::ostream& out, StaleReason reason) {
    return out << to_string(reason);
}

struct Staleness {
    StaleReason reason = StaleReason::gone;
    std::string detail;  // which file; which input was what, and is what
    // Nobody loses by its removal. True where the model is gone or changed. What another machine,
    // or another runtime on this one, may still use: only when nobody has for 14 days.
    bool certain = false;
};

// What the runtime of this machine says about it. larder::ask_machine makes one for OpenVINO.
class LARDER_EXPORT Machine {
public:
    Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    virtual ~Machine();

    // The inputs "device.…" and "runtime.…" of the key that a request like the kept one would have
    // now; empty where there is no such device. Valid until the next call.
    [[nodiscard]] virtual const std::map<std::string, std::string>& inputs(
        const std::map<std::string, std::string>& kept) = 0;
    // Whether the device refuses to load what has these requirements.
    [[nodiscard]] virtual bool refuses(const std::string& device,
                                       const std::string& requirements) = 0;
    // The build of OpenVINO.
    [[nodiscard]] virtual std::string openvino() = 0;
    // Whether a device here loads what OpenVINO's own cache says was made by `runtime_info`.
    [[nodiscard]] virtual bool accepts(const std::string& runtime_info) = 0;
};

struct StaleSearch {
    // How much of the models' files may be read where their stamps do not tell.
    enum class Reading {
        little,  // 64 MiB of a model, 256 MiB in all: an entry beyond that is not called changed
        all,
    };
    Reading reading = Reading::little;
    // Not owned. Without it, no entry is found to be incompatible.
    Machine* machine = nullptr;
};

}  // namespace larder
