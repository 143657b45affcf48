// Entries as ls shows them: chosen, in order, and with what only all of them together tell.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/quantity.h"
#include "larder/store.hpp"

namespace larder::cli {

using Condition = std::function<bool(const EntryInfo&)>;

// "size>1GiB", "device=CPU", "model~resnet", "age<30d", "hits>=3", "kind!=onnx", "stale=gone".
// Throws CommandError.
[[nodiscard]] Condition parse_filter(const std::string& text, TimePoint now);

using Order = std::function<bool(const EntryInfo&, const EntryInfo&)>;

// "size", "age:desc"… Throws CommandError.
[[nodiscard]] Order parse_sort(const std::string& text);

// Bytes of each entry, by key, that no other entry shares.
[[nodiscard]] std::map<std::string, std::uint64_t> unique_bytes(
    const std::vector<EntryInfo>& entries);

// "gone", "changed", "superseded", "incompatible"; empty if it is not stale.
[[nodiscard]] std::string stale_reason(const EntryInfo& entry);

}  // namespace larder::cli
