// Tables for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"

namespace larder::cli {

enum class Colour { none, green, yellow, red, faint };
enum class Colours { no, yes };

[[nodiscard]] std::string painted(const std::string& text, Colour colour, Colours colours);

struct Cell {
    std::string text{};
    Colour colour = Colour::none;
};

enum class Align { left, right };

struct Column {
    std::string title{};
    Align align = Align::left;
    std::size_t width = 0;     // the minimum
    bool is_optional = false;  // left out if there is no room
    Cut cut = Cut::begin;
};

// The width of a terminal's line; 0: unlimited.
struct LineWidth {
    std::size_t columns = 0;
};

class Table {
public:
    // If all titles are empty, there is no line of titles.
    Table(std::vector<Column> columns, Colours colours, LineWidth line_width = {});

    void add(std::vector<Cell> row);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    // Call this last.
    [[nodiscard]] std::string text();
    // Tells whether text() has left out columns.
    [[nodiscard]] bool lacks_columns() const { return lacks_columns_; }

private:
    [[nodiscard]] std::string line(const std::vector<Cell>& row,
                                   const std::vector<std::size_t>& widths) const;
    // Leaves out optional columns, from the right, and shortens the widest ones, so that lines
    // fit.
    void fit(std::vector<std::size_t>& widths, std::vector<Cell>& titles);

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
    Colours colours_;
    LineWidth line_width_;
    bool lacks_columns_ = false;
};

}  // namespace larder::cli
