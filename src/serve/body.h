// Parses the body of an action: a JSON object, of which every member must be known.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/json.h"

namespace larder::serve {

class Body {
public:
    // Throws Error (invalid_argument) if the text is not an object, or has a member of another
    // name.
    Body(const std::string& text, std::initializer_list<std::string_view> names);

    // Each throws the same if the value is of another type.
    [[nodiscard]] bool flag(const char* name, bool otherwise) const;
    [[nodiscard]] std::optional<std::string> text(const char* name) const;
    enum class Absent { empty, wrong };
    // Returns keys, complete or shortened.
    [[nodiscard]] std::vector<std::string> keys(Absent absent) const;

private:
    cli::Json json_;
};

// Tells whether the text is a key or a prefix of one, as `larder` accepts it; no other name ever
// reaches the larder.
[[nodiscard]] bool is_key(std::string_view text);

}  // namespace larder::serve
