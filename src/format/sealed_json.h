// JSON that proves itself: one object, in exactly one spelling, with a digest over its other
// members. Private to format/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace larder::internal::format {

using Json = nlohmann::json;

// The limit for the nesting of objects and arrays in input.
inline constexpr unsigned k_json_depth_max = 16;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// `body` is an object of objects, arrays, integers and UTF-8 strings, without "digest".
[[nodiscard]] std::string seal_json(Json body);

// Returns the object without its "digest". Errc::damaged unless `text` is the result of `seal_json`
// for it.
[[nodiscard]] Result<Json> unseal_json(std::string_view text, std::uint64_t size_bytes_max);

// Checks the "digest" of a text at little cost. The text must have the spelling of `seal_json`,
// without escapes.
[[nodiscard]] bool holds_its_digest(std::string_view text);

// Errc::unsupported if the member "format" is greater than `newest`, Errc::damaged if it is
// missing.
[[nodiscard]] Result<void> check_format(const Json& body, std::uint64_t newest);

// Return a member of an object; nullptr if it is absent or of another type.
[[nodiscard]] const std::string* string_member(const Json& object, const char* name);
[[nodiscard]] const std::uint64_t* integer_member(const Json& object, const char* name);
[[nodiscard]] const Json* member(const Json& object, const char* name);

// Encodes a string of any bytes: as itself if it is UTF-8, else as {"hex": "…"}.
[[nodiscard]] Json encode_bytes(std::string_view bytes);
// False if `json` is not a result of `encode_bytes`.
[[nodiscard]] bool decode_bytes(const Json& json, std::string& bytes);

}  // namespace larder::internal::format
