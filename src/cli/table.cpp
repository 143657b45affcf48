#include "cli/table.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "cli/text.h"

namespace larder::cli {

std::string painted(const std::string& text, Colour colour, Colours colours) {
    if (colours == Colours::no) return text;
    const auto in = [&](const char* code) {
        return "\033[" + std::string(code) + "m" + text + "\033[0m";
    };
    switch (colour) {
        case Colour::none: return text;
        case Colour::green: return in("32");
        case Colour::yellow: return in("33");
        case Colour::red: return in("31");
        case Colour::faint: return in("2");
    }
    return text;
}

Table::Table(std::vector<Column> columns, Colours colours, LineWidth line_width)
    : columns_(std::move(columns)), colours_(colours), line_width_(line_width) {}

void Table::add(std::vector<Cell> row) {
    row.resize(columns_.size());
    for (auto& cell : row) cell.text = printable(cell.text);
    rows_.push_back(std::move(row));
}

std::string Table::line(const std::vector<Cell>& row,
                        const std::vector<std::size_t>& widths) const {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const auto pad = widths[i] - std::min(widths[i], width(row[i].text));
        const bool is_right = columns_[i].align == Align::right;
        if (is_right) text.append(pad, ' ');
        const bool is_plain = row[i].colour == Colour::none;
        text += is_plain ? row[i].text : painted(row[i].text, row[i].colour, colours_);
        if (i + 1 == row.size()) break;
        if (!is_right) text.append(pad, ' ');
        text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
    return text;
}

void Table::fit(std::vector<std::size_t>& widths, std::vector<Cell>& titles) {
    const auto room = line_width_.columns;
    if (room == 0) return;
    constexpr std::size_t k_gap = 2;
    const auto needed = [&] {
        return std::accumulate(widths.begin(), widths.end(), k_gap * (widths.size() - 1));
    };
    for (auto i = columns_.size(); i-- > 0 && needed() > room;) {
        if (!columns_[i].is_optional) continue;
        lacks_columns_ = true;
        const auto at = static_cast<std::ptrdiff_t>(i);
        columns_.erase(columns_.begin() + at);
        widths.erase(widths.begin() + at);
        titles.erase(titles.begin() + at);
        for (auto& row : rows_) row.erase(row.begin() + at);
    }
    while (needed() > room) {
        const auto widest = std::ranges::max_element(widths);
        constexpr std::size_t k_readable = 12;
        if (*widest <= k_readable) return;
        const auto others = needed() - *widest;
        *widest = others + k_readable < room ? room - others : k_readable;
        const auto column = static_cast<std::size_t>(widest - widths.begin());
        for (auto& row : rows_) {
            row[column].text = shortened(row[column].text, *widest, columns_[column].cut);
        }
    }
}

std::string Table::text() {
    std::vector<std::size_t> widths;
    std::vector<Cell> titles;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = std::max(columns_[i].width, width(columns_[i].title));
        for (const auto& row : rows_) widest = std::max(widest, width(row[i].text));
        widths.push_back(widest);
        titles.push_back({columns_[i].title, Colour::faint});
    }
    fit(widths, titles);
    const bool titled = std::any_of(columns_.begin(), columns_.end(),
                                    [](const Column& column) { return !column.title.empty(); });
    std::string text = titled ? line(titles, widths) : std::string{};
    for (const auto& row : rows_) text += line(row, widths);
    return text;
}

}  // namespace larder::cli
