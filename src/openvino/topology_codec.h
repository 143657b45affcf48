// Lets the CPU plugin export what it imported.
//
// A blob of the CPU plugin holds the model's topology as encoded text. The plugin decodes it when
// it imports, but encodes it again only if it has a function for that: for a model that it
// compiled, or with CACHE_ENCRYPTION_CALLBACKS. Otherwise its export of an imported model cannot be
// imported. It also records in each imported constant where its bytes are in the blob, as if the
// blob were the model's own file: an import without weights would then read other bytes. This codec
// corrects both.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "openvino/compat.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// An imported topology, which can be recognised again. The places of its constants in the blob do
// not matter: the plugin writes them to places of its own.
class ImportedTopology {
public:
    explicit ImportedTopology(const std::string& text);
    // Returns `exported` without the additions of the import, and with its own places of constants;
    // nothing if it is another topology.
    [[nodiscard]] std::optional<std::string> restore(const std::string& exported) const;

    struct Cut {
        std::size_t position = 0;  // in the text without any cut
        std::string text;
    };
    struct Stripped {
        std::string text;
        std::vector<Cut> cuts;
    };
    // Removes everything that says where weights are in the model's own file.
    [[nodiscard]] static Stripped strip(const std::string& text);

private:
    Digest digest_;          // of the stripped text without places of constants
    std::vector<Cut> cuts_;  // positions refer to that text
};

// For one import.
class TopologyCodec {
public:
    enum class Holds { weights, no_weights };

    // `callbacks` are the program's own; without them, the plugin's encoding is found out.
    TopologyCodec(std::optional<compat::EncryptionCallbacks> callbacks, Holds holds);

    // To import with. They may outlive this, and be called by several threads.
    [[nodiscard]] compat::EncryptionCallbacks callbacks() const;
    // The blob, with what was learnt of its topology for as long as the runtime looks at it: the
    // CPU plugin of 2026.4.1 keeps a copy of the callbacks for ever.
    [[nodiscard]] runtime::Blob bound_to(runtime::Blob blob) const;
    // Tells whether the plugin asked to decode a topology that could not be decoded.
    [[nodiscard]] bool is_unknown() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace larder::internal::openvino
