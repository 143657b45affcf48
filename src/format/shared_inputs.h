// Shares the key inputs that many entries have in common.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "format/key.h"

namespace larder::internal::format {

// Tells whether a key input describes the device or the runtime that the entry was built for.
[[nodiscard]] bool is_of_build(std::string_view input_name);

// The key inputs "device.…" and "runtime.…", of which any number of entries have few different
// sets. Thread-safe.
class SharedInputs {
public:
    // Returns those of `inputs`. Never null.
    [[nodiscard]] std::shared_ptr<const KeyInputs> of_build(const KeyInputs& inputs);
    // Returns those whose lines in a manifest are `lines`; null if the spelling is wrong.
    [[nodiscard]] std::shared_ptr<const KeyInputs> spelt(const std::string& lines);

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const KeyInputs>> by_text_;
};

}  // namespace larder::internal::format
