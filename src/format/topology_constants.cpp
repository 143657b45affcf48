#include "format/topology_constants.h"

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "format/repeated_key.h"

namespace larder::internal::format {
namespace {

// The limit for bodies within bodies.
constexpr std::size_t k_depth_max = 512;

enum class ElementRole {
    holder,    // contains `layers`: the net, or a body
    layers,    //
    layer,     //
    constant,  // a layer of that type
    other,     // skipped with its content
};

struct OpenElement {
    std::string_view name;
    ElementRole role = ElementRole::other;
    bool has_data = false;
};

struct XmlAttribute {
    std::string_view name;
    std::string_view value;
    std::size_t position = 0;  // of the value
};

// The relevant attributes of an element; each may occur once.
struct KnownAttributes {
    std::optional<XmlAttribute> type, offset, size;
};

constexpr auto k_is_name_character = [] {
    std::array<bool, 256> is{};
    for (int c = 'a'; c <= 'z'; ++c) is[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) is[static_cast<std::size_t>(c)] = true;
    for (int c = '0'; c <= '9'; ++c) is[static_cast<std::size_t>(c)] = true;
    for (std::size_t c = 0x80; c < is.size(); ++c) is[c] = true;
    for (const char c : {'_', ':', '-', '.'}) is[static_cast<unsigned char>(c)] = true;
    return is;
}();

// Parses a number as the runtime writes it: no sign, no leading zeros.
std::optional<std::uint64_t> plain_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size()) return {};
    if (text.front() == '0' && text.size() > 1) return {};
    return value;
}

class TopologyReader {
public:
    explicit TopologyReader(std::string_view text) : text_(text) {}

    Result<std::vector<ConstantMention>> read() {
        // A NUL is refused, because a parser of C strings would stop there.
        if (!text_.starts_with(k_topology_begin) || text_.find('\0') != std::string_view::npos) {
            return malformed();
        }
        at_ = k_topology_begin.size();
        do {
            if (auto done = read_tag(); !done) return fail(std::move(done.error()));
        } while (!open_.empty());
        if (text_.find_first_not_of('\n', at_) != std::string_view::npos) return malformed();
        return std::move(mentions_);
    }

private:
    [[nodiscard]] tl::unexpected<Error> malformed() const {
        return fail(Errc::damaged, "the topology of the cached blob cannot be read at character " +
                                       std::to_string(at_));
    }

    bool take(std::string_view expected) {
        if (!text_.substr(at_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }

    std::string_view take_name() {
        const auto begin = at_;
        while (at_ < text_.size() && k_is_name_character[static_cast<unsigned char>(text_[at_])]) {
            ++at_;
        }
        return text_.substr(begin, at_ - begin);
    }

    // Reads the next tag, with the text in front of it.
    Result<void> read_tag() {
        const auto begin = text_.find('<', at_);
        if (begin == std::string_view::npos) return malformed();
        if (open_.empty() && begin != at_) return malformed();
        at_ = begin + 1;
        if (!take("/")) return read_start();
        if (open_.empty() || take_name() != open_.back().name || !take(">")) return malformed();
        return close();
    }

    Result<void> read_start() {
        const auto name = take_name();
        if (name.empty()) return malformed();
        KnownAttributes known;
        bool is_empty = false;
        while (!take(">")) {
            is_empty = take(" />");
            if (is_empty) break;
            if (!read_attribute(known)) return malformed();
        }
        const auto role = role_of(name, known);
        if (!role) return malformed();
        if (name == "data" && !open_.empty()) {
            if (auto read = read_data(known); !read) return read;
        }
        if (open_.size() == k_depth_max) return malformed();
        open_.push_back({name, *role, false});
        return is_empty ? close() : Result<void>{};
    }

    bool read_attribute(KnownAttributes& known) {
        if (!take(" ")) return false;
        const auto name = take_name();
        if (name.empty() || !take("=\"")) return false;
        const auto end = text_.find('"', at_);
        if (end == std::string_view::npos) return false;
        auto* const place = name == "type"     ? &known.type
                            : name == "offset" ? &known.offset
                            : name == "size"   ? &known.size
                                               : nullptr;
        if (place != nullptr) {
            if (*place) return false;
            *place = {name, text_.substr(at_, end - at_), at_};
        }
        at_ = end + 1;
        return true;
    }

    [[nodiscard]] std::optional<ElementRole> role_of(std::string_view name,
                                                     const KnownAttributes& known) const {
        using enum ElementRole;
        if (open_.empty()) return name == "net" ? std::optional(holder) : std::nullopt;
        switch (open_.back().role) {
            case holder: return name == "layers" ? layers : other;
            case layers:
                if (name != "layer" || !known.type) return {};
                return known.type->value == "Const" ? constant : layer;
            case layer:
            case constant: {
                const bool is_of_ports = name == "input" || name == "output" ||
                                         name == "port_map" || name == "back_edges";
                return is_of_ports || name == "data" || name == "rt_info" ? other : holder;
            }
            case other: return other;
        }
        return {};
    }

    Result<void> read_data(const KnownAttributes& known) {
        auto& owner = open_.back();
        if (owner.role == ElementRole::layer && known.offset && known.size) {
            return fail(Errc::unsupported,
                        "a layer of the cached blob has an offset but is not a constant");
        }
        if (owner.role != ElementRole::constant) return {};
        if (owner.has_data || !known.offset || !known.size) return malformed();
        owner.has_data = true;
        const auto offset = plain_number(known.offset->value);
        const auto bytes = plain_number(known.size->value);
        if (!offset || !bytes) return malformed();
        mentions_.push_back({known.offset->position, known.offset->value.size(), *offset, *bytes});
        return {};
    }

    Result<void> close() {
        const auto& last = open_.back();
        if (last.role == ElementRole::constant && !last.has_data) return malformed();
        open_.pop_back();
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<OpenElement> open_;
    std::vector<ConstantMention> mentions_;
};

}  // namespace

Result<std::vector<ConstantMention>> find_constants(std::string_view topology) {
    return TopologyReader(topology).read();
}

}  // namespace larder::internal::format
