// Small things done to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace larder::cli {

[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator);

enum class Lines { keep, join };
// Without control characters: a file's name must not be able to steer the terminal.
[[nodiscard]] std::string printable(std::string_view text, Lines lines = Lines::join);

// The columns that UTF-8 text takes, for scripts whose characters take one each.
[[nodiscard]] std::size_t width(std::string_view text);

// With "…" in the place of its beginning where it takes more than `columns`: the end of a path
// tells more.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns);

// The word of `known` that was probably meant; empty if none is near.
[[nodiscard]] std::string nearest_word(std::string_view word,
                                       const std::vector<std::string>& known);

}  // namespace larder::cli
