// Entries as ls shows them: chosen, in order, and with what only all of them together tell.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
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

using BytesByKey = std::unordered_map<std::string_view, std::uint64_t>;

// Bytes of each entry, by key, that no other entry shares. Refers to the keys of `entries`.
[[nodiscard]] BytesByKey unique_bytes(const std::vector<EntryInfo>& entries);

// Of the entries that hold what a blob is unpacked into; what several share counts once.
[[nodiscard]] std::uint64_t unpacked_bytes(const std::vector<EntryInfo>& entries);

// "gone", "changed", "superseded", "incompatible"; empty if it is not stale.
[[nodiscard]] std::string stale_reason(const EntryInfo& entry);

// "compiling now: /m/net.xml on CPU, by process 1234 for 12 s", a line each.
[[nodiscard]] std::string compiling_text(const std::vector<Compiling>& compiling);

}  // namespace larder::cli
