// Selects and orders entries for ls, and computes values that depend on all of them.
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

// Parses "size>1GiB", "device=CPU", "model~resnet", "age<30d", "hits>=3", "kind!=onnx",
// "stale=gone". Throws CommandError.
[[nodiscard]] Condition parse_filter(const std::string& text, TimePoint now);

using Order = std::function<bool(const EntryInfo&, const EntryInfo&)>;

// Parses "size", "age:desc"… Throws CommandError.
[[nodiscard]] Order parse_sort(const std::string& text);

using BytesByKey = std::unordered_map<std::string_view, std::uint64_t>;

// Returns the bytes of each entry, by key, that no other entry shares. Refers to the keys of
// `entries`.
[[nodiscard]] BytesByKey unique_bytes(const std::vector<EntryInfo>& entries);

// Returns the bytes of the entries that hold the memory blocks that blobs are unpacked into; shared
// objects count once.
[[nodiscard]] std::uint64_t unpacked_bytes(const std::vector<EntryInfo>& entries);

// Returns "gone", "changed", "superseded" or "incompatible"; empty if it is not stale.
[[nodiscard]] std::string stale_reason(const EntryInfo& entry);

// Returns lines such as "compiling now: /m/net.xml on CPU, by process 1234 for 12 s".
[[nodiscard]] std::string compiling_text(const std::vector<Compiling>& compiling);

}  // namespace larder::cli
