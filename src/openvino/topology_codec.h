// Lets the CPU plugin export what it imported.
//
// A blob of the CPU plugin holds the model's topology as text, encoded. The plugin decodes it when
// it imports, but encodes it again only where it knows how: for a model that it compiled, or with
// CACHE_ENCRYPTION_CALLBACKS. Else its export of an imported model cannot be imported. It also
// notes in each imported constant where its bytes lie in the blob, as if that were the model's own
// file: import without weights would then read others. Both are put right here.
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

// The topology that was imported, told from others. Where its constants lie in the blob does not
// matter: the plugin writes them in places of its own, whatever these were.
class ImportedTopology {
public:
    explicit ImportedTopology(const std::string& text);
    // `exported` without what the import added to it, and with its own places of constants; nothing
    // if it is another topology.
    [[nodiscard]] std::optional<std::string> restore(const std::string& exported) const;

    struct Cut {
        std::size_t position = 0;  // in the text without all of them
        std::string text;
    };
    struct Stripped {
        std::string text;
        std::vector<Cut> cuts;
    };
    // Without all that says where weights lie in the model's own file.
    [[nodiscard]] static Stripped strip(const std::string& text);

private:
    Digest digest_;          // of the stripped text without places of constants
    std::vector<Cut> cuts_;  // positions are in that text
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
    // Whether the plugin asked for a topology to be decoded, and it could not be.
    [[nodiscard]] bool is_unknown() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace larder::internal::openvino
