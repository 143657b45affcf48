// Columns for people.
#pragma once

#include <string>
#include <vector>

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
    std::string title;
    Align align = Align::left;
    std::size_t width = 0;  // at least
};

class Table {
public:
    // Without any titles there is no line of titles.
    Table(std::vector<Column> columns, Colours colours);

    void add(std::vector<Cell> row);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    [[nodiscard]] std::string text() const;

private:
    [[nodiscard]] std::string line(const std::vector<Cell>& row,
                                   const std::vector<std::size_t>& widths) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
    Colours colours_;
};

}  // namespace larder::cli
