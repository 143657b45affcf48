// A text that is wiped when it is gone, and never printed.
#pragma once

#include <string>
#include <string_view>

namespace larder::internal::remote {

// Overwrites the text, and makes it empty.
void wipe(std::string& text) noexcept;

// A move is a copy: a short text that is moved would stay in the old string.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view text) : text_(text) {}
    Secret(const Secret&) = default;
    Secret& operator=(const Secret& other) {
        if (this != &other) {
            wipe(text_);
            text_ = other.text_;
        }
        return *this;
    }
    ~Secret() { wipe(text_); }

    [[nodiscard]] const std::string& reveal() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

private:
    std::string text_;
};

}  // namespace larder::internal::remote
