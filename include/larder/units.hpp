/// \file
/// Reads and writes sizes, ages and words as in settings, flags and messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "larder/export.hpp"
#include "larder/require_cxx20.hpp"

namespace larder {

/// A number of bytes, or a share of the disk that the larder is on: `percent` counts if it is not
/// 0. Both 0: none.
struct SizeLimit {
    std::uint64_t bytes = 0;  ///< counts if `percent` is 0
    double percent = 0;       ///< of the disk, 0 to 100

    /// Compares both members.
    bool operator==(const SizeLimit&) const = default;
};

/// Reads "20GiB", "1.5GB", "512kB", "0"; B, kB, MB, GB, TB, KiB, MiB, GiB and TiB. A bare number
/// other than 0 is wrong, because its unit is unknown. Throws Error (invalid_argument) if it cannot
/// read the text.
[[nodiscard]] LARDER_EXPORT std::uint64_t parse_size(std::string_view text);
/// Reads what parse_size reads, or "10%" of the disk; throws the same.
[[nodiscard]] LARDER_EXPORT SizeLimit parse_size_limit(std::string_view text);
/// Reads "90s", "10m", "12h", "30d", "2w". A bare number other than 0 is wrong. Throws Error
/// (invalid_argument) if it cannot read the text.
[[nodiscard]] LARDER_EXPORT std::chrono::seconds parse_age(std::string_view text);

/// Writes "4.29 GB": three significant digits, decimal units.
[[nodiscard]] LARDER_EXPORT std::string format_size(std::uint64_t bytes);
/// Writes "0.42 ms", "850 ms", "3.42 s", "2 m 05 s".
[[nodiscard]] LARDER_EXPORT std::string format_duration(std::chrono::nanoseconds duration);

/// Counts the characters to insert, remove or replace to get from one word to the other: for
/// guessing which word a misspelt one was meant to be.
[[nodiscard]] LARDER_EXPORT std::size_t edits_between(std::string_view from, std::string_view to);

}  // namespace larder
