// Lists and other answers of servers, which may contain anything: bytes to structs, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace larder::internal::remote {

struct ListedFile {
    std::string name;  // of characters that are no directory's: see is_plain_name
    std::uint64_t bytes = 0;
    std::int64_t written_at_ns = -1;  // since the epoch
    bool is_directory = false;

    bool operator==(const ListedFile&) const = default;
};

// A name that stays in its directory: letters, digits, ".", "_" and "-", not "." first.
[[nodiscard]] bool is_plain_name(std::string_view name);

// A directory as nginx lists it with "autoindex_format json". Files with other names than
// is_plain_name() are left out. Errc::damaged for anything else than such a list.
[[nodiscard]] Result<std::vector<ListedFile>> parse_directory_list(std::string_view json);

// An element of a document in XML, without attributes, as S3 and STS answer. Errc::damaged for
// anything else: a document type, another entity than the five of XML, a depth over 8.
struct XmlElement {
    std::string name;
    std::string text;  // where it has no elements
    std::vector<XmlElement> elements;

    // The first one with this name; nullptr if there is none.
    [[nodiscard]] const XmlElement* find(std::string_view element) const;
    [[nodiscard]] std::string text_of(std::string_view element) const;
};
[[nodiscard]] Result<XmlElement> parse_xml(std::string_view text);
// So that parse_xml() gives `text` back.
[[nodiscard]] std::string xml_escaped(std::string_view text);

// A page of ListObjectsV2: keys as the server has them.
struct ObjectPage {
    struct Object {
        std::string key;
        std::uint64_t bytes = 0;
        std::int64_t written_at_ns = -1;

        bool operator==(const Object&) const = default;
    };
    std::vector<Object> objects;
    std::string next;  // token of the next page; empty: this was the last
};
[[nodiscard]] Result<ObjectPage> parse_object_page(std::string_view xml);

// Uploads that were begun and not completed.
struct Upload {
    std::string key;
    std::string id;
    std::int64_t begun_at_ns = -1;
};
[[nodiscard]] Result<std::vector<Upload>> parse_uploads(std::string_view xml);

// The code of an error, such as "AccessDenied"; empty if the answer is none.
[[nodiscard]] std::string parse_error_code(std::string_view xml);

}  // namespace larder::internal::remote
