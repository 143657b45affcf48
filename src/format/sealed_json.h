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

// How deep objects and arrays may be nested in what is read.
inline constexpr unsigned k_json_depth_max = 16;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// `body` is an object of objects, arrays, integers and UTF-8 strings, without "digest".
[[nodiscard]] std::string seal_json(Json body);

// The object without its "digest". Errc::damaged unless `text` is what `seal_json` gives for it.
[[nodiscard]] Result<Json> unseal_json(std::string_view text, std::uint64_t size_bytes_max);

// The same for a text that is spelt as `seal_json` spells it, without escapes, at little cost:
// whether its "digest" is right.
[[nodiscard]] bool holds_its_digest(std::string_view text);

// Errc::unsupported if the member "format" is greater than `newest`, Errc::damaged if there is
// none.
[[nodiscard]] Result<void> check_format(const Json& body, std::uint64_t newest);

// Members of an object; nullptr where it is absent or of another type.
[[nodiscard]] const std::string* string_member(const Json& object, const char* name);
[[nodiscard]] const std::uint64_t* integer_member(const Json& object, const char* name);
[[nodiscard]] const Json* member(const Json& object, const char* name);

// A string of any bytes: itself where it is UTF-8, else {"hex": "…"}.
[[nodiscard]] Json encode_bytes(std::string_view bytes);
// False if `json` is not what `encode_bytes` gives.
[[nodiscard]] bool decode_bytes(const Json& json, std::string& bytes);

}  // namespace larder::internal::format
