#include "model/ir_outline.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::internal::model {
namespace {

// Declarations and comments before the root may be long, but not as long as this.
constexpr std::uint64_t k_prologue_bytes_max = std::uint64_t{64} << 10;
constexpr std::uint64_t k_window_bytes = std::uint64_t{256} << 10;
constexpr std::string_view k_spaces = " \t\r\n";

bool is_root_net(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(k_spaces), text.size()));
        std::string_view end;
        if (text.starts_with("<?")) {
            end = "?>";
        } else if (text.starts_with("<!--")) {
            end = "-->";
        } else if (text.starts_with("<!")) {
            end = ">";
        } else {
            break;
        }
        const auto found = text.find(end);
        if (found == std::string_view::npos) return false;
        text.remove_prefix(found + end.size());
    }
    constexpr std::string_view k_root = "<net";
    return text.starts_with(k_root) && text.size() > k_root.size() &&
           (k_spaces.find(text[k_root.size()]) != std::string_view::npos ||
            text[k_root.size()] == '>');
}

}  // namespace

Result<bool> is_ir(ByteSource& source) {
    const auto size = std::min(source.size_bytes(), k_prologue_bytes_max);
    std::string text(static_cast<std::size_t>(size), '\0');
    // The first bytes are enough to exclude most other files.
    constexpr std::size_t k_first_bytes = 4;
    const auto first = std::as_writable_bytes(std::span(text))
                           .first(std::min<std::size_t>(k_first_bytes, text.size()));
    if (auto read = source.read_at(0, first); !read) return fail(std::move(read.error()));
    if (text.find_first_of("<\xef \t\r\n") != 0) return false;
    if (auto read = source.read_at(0, std::as_writable_bytes(std::span(text))); !read) {
        return fail(std::move(read.error()));
    }
    return is_root_net(text);
}

Result<bool> has_constants(ByteSource& source) {
    constexpr std::string_view k_needles[] = {"type=\"Const\"", "type='Const'"};
    constexpr std::uint64_t k_overlap_bytes = 12;  // the longest text sought less one, rounded up
    std::string text;
    for (std::uint64_t offset = 0; offset < source.size_bytes();
         offset += k_window_bytes - k_overlap_bytes) {
        const auto size = std::min(source.size_bytes() - offset, k_window_bytes);
        text.resize(static_cast<std::size_t>(size));
        auto read = source.read_at(offset, std::as_writable_bytes(std::span(text)));
        if (!read) return fail(std::move(read.error()));
        for (const auto needle : k_needles) {
            if (text.find(needle) != std::string::npos) return true;
        }
        if (size < k_window_bytes) break;
    }
    return false;
}

}  // namespace larder::internal::model
