#include "format/shared_inputs.h"

#include <utility>

#include "format/manifest_scan.h"

namespace larder::internal::format {

bool is_of_build(std::string_view input_name) {
    return input_name.starts_with("device.") || input_name.starts_with("runtime.");
}

std::shared_ptr<const KeyInputs> SharedInputs::of_build(const KeyInputs& inputs) {
    KeyInputs found;
    std::string text;
    for (const auto& [name, value] : inputs) {
        if (!is_of_build(name)) continue;
        found.emplace_hint(found.end(), name, value);
        text.append(name).append(1, '\0').append(value).append(1, '\0');
    }
    const std::lock_guard lock(mutex_);
    auto& shared = by_text_[std::move(text)];
    if (!shared) shared = std::make_shared<const KeyInputs>(std::move(found));
    return shared;
}

std::shared_ptr<const KeyInputs> SharedInputs::spelt(const std::string& lines) {
    const std::lock_guard lock(mutex_);
    const auto known = by_text_.find(lines);
    if (known != by_text_.end()) return known->second;
    auto inputs = scan_members(lines);
    if (!inputs) return nullptr;
    return by_text_[lines] = std::make_shared<const KeyInputs>(std::move(*inputs));
}

}  // namespace larder::internal::format
