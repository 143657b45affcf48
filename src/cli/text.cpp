#include "cli/text.h"

#include <algorithm>

#include "larder/units.hpp"

namespace larder::cli {
namespace {

// Returns the size of the UTF-8 character at the beginning of `text`; 0 if there is none.
std::size_t character_size(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
    if (size > text.size()) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
    }
    return size;
}

// U+0080 to U+009F, which some terminals interpret.
bool is_c1_control(std::string_view character) {
    return character.size() == 2 && static_cast<unsigned char>(character[0]) == 0xC2 &&
           static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view k_blanks = " \t\r\n";
    const auto first = text.find_first_not_of(k_blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(k_blanks) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
    std::string text;
    for (const auto& word : words) {
        if (!text.empty()) text += separator;
        text += word;
    }
    return text;
}

std::string printable(std::string_view text, Lines lines) {
    const auto is_ordinary = [](char c) { return c >= ' ' && c <= '~'; };
    if (std::all_of(text.begin(), text.end(), is_ordinary)) return std::string(text);
    std::string plain;
    while (!text.empty()) {
        const auto size = character_size(text);
        const auto character = text.substr(0, std::max<std::size_t>(size, 1));
        text.remove_prefix(character.size());
        const auto first = static_cast<unsigned char>(character.front());
        if (first == '\n' || first == '\t') {
            plain += first == '\n' && lines == Lines::keep ? '\n' : ' ';
        } else if (size == 0 || first < 0x20 || first == 0x7F || is_c1_control(character)) {
            plain += '?';
        } else {
            plain += character;
        }
    }
    return plain;
}

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not inside a character
    }));
}

std::string shortened(std::string_view text, std::size_t columns, Cut cut) {
    auto left = width(text);
    if (left <= columns) return std::string(text);
    if (cut == Cut::end) {
        std::size_t to = 0;
        for (std::size_t kept = 1; kept < columns && to < text.size(); ++kept) {
            to += std::max<std::size_t>(character_size(text.substr(to)), 1);
        }
        return std::string(text.substr(0, to)) + "…";
    }
    std::size_t from = 0;
    while (left >= columns && from < text.size()) {
        ++from;
        while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U) {
            ++from;
        }
        --left;
    }
    return "…" + std::string(text.substr(from));
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
    std::string nearest;
    std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& candidate : known) {
        const auto edits = edits_between(word, candidate);
        if (edits < fewest) {
            fewest = edits;
            nearest = candidate;
        }
    }
    return nearest;
}

}  // namespace larder::cli
