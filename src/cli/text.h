// Small operations on text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace larder::cli {

[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator);

enum class Lines { keep, join };
// Removes control characters, because a file's name must not be able to control the terminal.
[[nodiscard]] std::string printable(std::string_view text, Lines lines = Lines::join);

// Returns the columns that UTF-8 text takes, for scripts whose characters take one column each.
[[nodiscard]] std::size_t width(std::string_view text);

// The part of a text that is left out if the text is too wide.
enum class Cut { begin, end };
// Replaces the beginning by "…" if the text takes more than `columns`, because the end of a path is
// more informative; or the end, for sentences.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns,
                                    Cut cut = Cut::begin);

// Returns the word of `known` that was probably meant; empty if none is similar.
[[nodiscard]] std::string nearest_word(std::string_view word,
                                       const std::vector<std::string>& known);

}  // namespace larder::cli
