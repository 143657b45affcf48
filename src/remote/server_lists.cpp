#include "remote/server_lists.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "remote/http.h"

namespace larder::internal::remote {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> k_entities{
    {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}}};
constexpr unsigned k_depth_max = 8;
constexpr std::string_view k_blanks = " \t\r\n";

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t number = 0;
    const auto* const begin = text.data();
    const auto* const end = begin + text.size();
    const auto read = std::from_chars(begin, end, number);
    if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

tl::unexpected<Error> no_list() {
    return fail(Errc::damaged, "the answer is not the list of a storage");
}

class XmlReader {
public:
    explicit XmlReader(std::string_view text) : rest_(text) {}

    Result<XmlElement> document() {
        if (!skip_notes()) return refuse();
        auto root = element(0);
        if (!root) return root;
        if (!skip_notes() || !rest_.empty()) return refuse();
        return root;
    }

private:
    static tl::unexpected<Error> refuse() {
        return fail(Errc::damaged, "the answer is not the XML of a storage");
    }
    void skip_blanks() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(k_blanks), rest_.size()));
    }
    bool take(std::string_view text) {
        if (!rest_.starts_with(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    bool skip_to_after(std::string_view text) {
        const auto place = rest_.find(text);
        if (place == std::string_view::npos) return false;
        rest_.remove_prefix(place + text.size());
        return true;
    }
    // Blanks, comments and "<?xml … ?>".
    bool skip_notes() {
        for (skip_blanks();; skip_blanks()) {
            if (take("<?")) {
                if (!skip_to_after("?>")) return false;
            } else if (take("<!--")) {
                if (!skip_to_after("-->")) return false;
            } else {
                return true;
            }
        }
    }
    std::string take_name() {
        const auto end = std::ranges::find_if_not(rest_, [](char c) {
            return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.' || c == ':';
        });
        std::string name(rest_.begin(), end);
        rest_.remove_prefix(name.size());
        return name;
    }
    // Up to the end of a tag; attributes are namespaces, which say nothing here.
    bool skip_attributes(bool& is_empty) {
        for (;;) {
            skip_blanks();
            if (take(">")) return true;
            if (take("/>")) {
                is_empty = true;
                return true;
            }
            if (take_name().empty()) return false;
            skip_blanks();
            if (!take("=")) return false;
            skip_blanks();
            if (take("\"") ? !skip_to_after("\"") : !(take("'") && skip_to_after("'"))) {
                return false;
            }
        }
    }
    bool take_text(std::string& text) {
        while (!rest_.empty() && rest_.front() != '<') {
            if (rest_.front() != '&') {
                text += rest_.front();
                rest_.remove_prefix(1);
                continue;
            }
            const auto known = std::ranges::find_if(
                k_entities, [&](const auto& each) { return rest_.starts_with(each.first); });
            if (known != k_entities.end()) {
                text += known->second;
                rest_.remove_prefix(known->first.size());
            } else if (!take_character(text)) {
                return false;
            }
        }
        return true;
    }
    // "&#34;" and "&#x22;", of ASCII.
    bool take_character(std::string& text) {
        const auto end = rest_.find(';');
        constexpr std::size_t k_length_max = 7;
        if (!rest_.starts_with("&#") || end > k_length_max) return false;
        auto digits = rest_.substr(2, end - 2);
        const bool is_hex = digits.starts_with('x');
        if (is_hex) digits.remove_prefix(1);
        unsigned code = 0;
        const auto* const begin = digits.data();
        const auto* const last = begin + digits.size();
        constexpr int k_hex = 16;
        constexpr int k_decimal = 10;
        constexpr unsigned k_ascii = 128;
        const auto read = std::from_chars(begin, last, code, is_hex ? k_hex : k_decimal);
        if (digits.empty() || read.ec != std::errc() || read.ptr != last || code == 0 ||
            code >= k_ascii) {
            return false;
        }
        text += static_cast<char>(code);
        rest_.remove_prefix(end + 1);
        return true;
    }

    Result<XmlElement> element(unsigned depth) {
        XmlElement element;
        bool is_empty = false;
        if (depth > k_depth_max || !take("<")) return refuse();
        element.name = take_name();
        if (element.name.empty() || !skip_attributes(is_empty)) return refuse();
        if (is_empty) return element;
        for (;;) {
            if (!take_text(element.text)) return refuse();
            if (take("</")) {
                if (take_name() != element.name) return refuse();
                skip_blanks();
                if (!take(">")) return refuse();
                if (!element.elements.empty()) element.text.clear();
                return element;
            }
            if (take("<!--")) {
                if (!skip_to_after("-->")) return refuse();
                continue;
            }
            auto inner = this->element(depth + 1);
            if (!inner) return inner;
            element.elements.push_back(std::move(*inner));
        }
    }

    std::string_view rest_;
};

}  // namespace

bool is_plain_name(std::string_view name) {
    constexpr std::size_t k_length_max = 255;
    return !name.empty() && name.size() <= k_length_max && name.front() != '.' &&
           std::ranges::all_of(name, [](char c) {
               return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.';
           });
}

Result<std::vector<ListedFile>> parse_directory_list(std::string_view json) {
    constexpr int k_depth = 2;  // nothing that lies deeper takes memory
    const auto list = nlohmann::json::parse(
        json, [](int depth, auto, const auto&) { return depth <= k_depth; }, false);
    if (!list.is_array()) return no_list();
    std::vector<ListedFile> files;
    for (const auto& each : list) {
        if (!each.is_object()) return no_list();
        const auto text = [&](const char* name) {
            const auto found = each.find(name);
            return found != each.end() && found->is_string() ? found->get<std::string>()
                                                             : std::string();
        };
        ListedFile file;
        file.name = text("name");
        const auto type = text("type");
        if (file.name.empty() || type.empty()) return no_list();
        file.is_directory = type == "directory";
        if ((!file.is_directory && type != "file") || !is_plain_name(file.name)) continue;
        file.written_at_ns = parse_http_time(text("mtime"));
        const auto size = each.find("size");
        if (!file.is_directory) {
            // Without its age, a prune would take it for an old one.
            if (size == each.end() || !size->is_number_unsigned() || file.written_at_ns < 0) {
                return no_list();
            }
            file.bytes = size->get<std::uint64_t>();
        }
        files.push_back(std::move(file));
    }
    return files;
}

const XmlElement* XmlElement::find(std::string_view element) const {
    const auto found =
        std::ranges::find_if(elements, [&](const auto& each) { return each.name == element; });
    return found == elements.end() ? nullptr : &*found;
}

std::string XmlElement::text_of(std::string_view element) const {
    const auto* const found = find(element);
    return found == nullptr ? std::string() : found->text;
}

Result<XmlElement> parse_xml(std::string_view text) { return XmlReader(text).document(); }

std::string xml_escaped(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        const auto known = std::ranges::find_if(
            k_entities, [&](const auto& each) { return each.second.front() == c; });
        if (known == k_entities.end()) {
            escaped += c;
        } else {
            escaped += known->first;
        }
    }
    return escaped;
}

Result<ObjectPage> parse_object_page(std::string_view xml) {
    const auto root = parse_xml(xml);
    if (!root || root->name != "ListBucketResult") return no_list();
    ObjectPage page;
    for (const auto& each : root->elements) {
        if (each.name != "Contents") continue;
        const auto bytes = number_in(each.text_of("Size"));
        ObjectPage::Object object{each.text_of("Key"), bytes.value_or(0),
                                  parse_iso_time(each.text_of("LastModified"))};
        if (!bytes || object.key.empty() || object.written_at_ns < 0) return no_list();
        page.objects.push_back(std::move(object));
    }
    const auto more = root->text_of("IsTruncated");
    if (more == "true") page.next = root->text_of("NextContinuationToken");
    // A part of a list shall not be taken for the whole.
    if ((more == "true" && page.next.empty()) || (more != "true" && more != "false")) {
        return no_list();
    }
    return page;
}

Result<std::vector<Upload>> parse_uploads(std::string_view xml) {
    const auto root = parse_xml(xml);
    if (!root || root->name != "ListMultipartUploadsResult") return no_list();
    std::vector<Upload> uploads;
    for (const auto& each : root->elements) {
        if (each.name != "Upload") continue;
        uploads.push_back({each.text_of("Key"), each.text_of("UploadId"),
                           parse_iso_time(each.text_of("Initiated"))});
    }
    return uploads;
}

std::string parse_error_code(std::string_view xml) {
    const auto root = parse_xml(xml);
    if (!root) return {};
    // STS has the error within its answer.
    const auto* const inner = root->find("Error");
    const auto& error = inner == nullptr ? *root : *inner;
    if (error.name != "Error") return {};
    auto code = error.text_of("Code");
    constexpr std::size_t k_length_max = 64;
    return is_plain_name(code) && code.size() <= k_length_max ? code : std::string();
}

}  // namespace larder::internal::remote
