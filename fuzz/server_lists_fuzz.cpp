// Answers of servers, which anybody may have written: lists in JSON and XML, codes and dates. No
// name of a list leaves its directory, and a text that was escaped comes back.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_target.h"
#include "remote/http.h"
#include "remote/server_lists.h"
#include "remote/web_tier.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace larder::internal;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto files = remote::parse_directory_list(text)) {
        for (const auto& file : *files) {
            if (!remote::is_plain_name(file.name) || file.name == "..") std::abort();
        }
    }
    if (const auto root = remote::parse_xml(text); root && root->elements.empty()) {
        const auto name = "<" + root->name + ">";
        const auto again =
            remote::parse_xml(name + remote::xml_escaped(root->text) + "</" + name.substr(1));
        if (!again || again->text != root->text) std::abort();
    }
    static_cast<void>(remote::parse_object_page(text));
    static_cast<void>(remote::parse_uploads(text));
    const auto code = remote::parse_error_code(text);
    if (!code.empty() && !remote::is_plain_name(code)) std::abort();
    if (const auto range = remote::parse_content_range(text)) {
        if (range->end > range->total || range->begin > range->end) std::abort();
    }
    if (remote::parse_http_time(text) < -1 || remote::parse_iso_time(text) < -1) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    return {
        R"([{"name":"3f","type":"directory","mtime":"Sun, 06 Nov 1994 08:49:37 GMT"},
              {"name":"a","type":"file","mtime":"Sun, 06 Nov 1994 08:49:37 GMT","size":1}])",
        R"(<?xml version="1.0"?><ListBucketResult xmlns='x'><!-- c -->
<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents>
<Key>&lt;a</Key><Size>1</Size><LastModified>1994-11-06T08:49:37.000Z</LastModified></Contents>
</ListBucketResult>)",
        R"(<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId>
<Initiated>1994-11-06T08:49:37.000Z</Initiated></Upload></ListMultipartUploadsResult>)",
        "<Error><Code>AccessDenied</Code></Error>",
        "<a>&#x41;&amp;</a>",
        "bytes 0-99/1234",
        "bytes */0",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z"};
}
