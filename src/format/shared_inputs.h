// What many entries say alike, kept once.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "format/key.h"

namespace larder::internal::format {

// Whether a key input tells what the entry was built for: the device and the runtime.
[[nodiscard]] bool is_of_build(std::string_view input_name);

// The key inputs "device.…" and "runtime.…": there are few kinds among any number of entries.
// Thread-safe.
class SharedInputs {
public:
    // Those of `inputs`. Never null.
    [[nodiscard]] std::shared_ptr<const KeyInputs> of_build(const KeyInputs& inputs);
    // Those whose lines in a manifest are `lines`; null if that is not how they are spelt.
    [[nodiscard]] std::shared_ptr<const KeyInputs> spelt(const std::string& lines);

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const KeyInputs>> by_text_;
};

}  // namespace larder::internal::format
