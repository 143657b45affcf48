// What an action is asked with: a JSON object, of which nothing is taken that is not understood.
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
    // Throws Error (invalid_argument) for what is no object, or has a member of another name.
    Body(const std::string& text, std::initializer_list<std::string_view> names);

    // Each throws the same for a value of another kind.
    [[nodiscard]] bool flag(const char* name, bool otherwise) const;
    [[nodiscard]] std::optional<std::string> text(const char* name) const;
    enum class Absent { empty, wrong };
    // Keys, whole or shortened.
    [[nodiscard]] std::vector<std::string> keys(Absent absent) const;

private:
    cli::Json json_;
};

// A key, or its beginning, as `larder` takes it; no other name ever reaches the larder.
[[nodiscard]] bool is_key(std::string_view text);

}  // namespace larder::serve
