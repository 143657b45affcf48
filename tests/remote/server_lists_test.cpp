#include "remote/server_lists.h"

#include <string>

#include <gtest/gtest.h>

#include "remote/http.h"

namespace larder::internal::remote {
namespace {

constexpr std::int64_t k_second_ns = 1'000'000'000;
constexpr std::int64_t k_listed_at_ns = 784'111'777 * k_second_ns;

std::string page_of(const std::string& contents, const std::string& end) {
    return "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3/\">" + contents + end +
           "</ListBucketResult>";
}
std::string object(const std::string& key, const std::string& size, const std::string& time) {
    return "<Contents><Key>" + key + "</Key><LastModified>" + time + "</LastModified><Size>" +
           size + "</Size></Contents>";
}

TEST(HttpTime, OfServersAndOfS3) {
    EXPECT_EQ(parse_http_time("Sun, 06 Nov 1994 08:49:37 GMT"), k_listed_at_ns);
    EXPECT_EQ(parse_iso_time("1994-11-06T08:49:37.000Z"), k_listed_at_ns);
    EXPECT_EQ(parse_iso_time("1994-11-06T08:49:37Z"), k_listed_at_ns);
    for (const char* const text :
         {"", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37", "soon",
          "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 28:49:37 GMT", "Sun, 06 Nov 9994 08:49:37 GMT"}) {
        EXPECT_EQ(parse_http_time(text), -1) << text;
    }
    for (const char* const text : {"", "1994-11-06", "1994-11-06T08:49:37", "1994-13-06T08:49:37Z",
                                   "1994-11-06 08:49:37Z", "19941106T084937ZZZZZ"}) {
        EXPECT_EQ(parse_iso_time(text), -1) << text;
    }
}

TEST(DirectoryList, OfNginx) {
    const auto list = parse_directory_list(
        R"([{"name":"3f","type":"directory","mtime":"Sun, 06 Nov 1994 08:49:37 GMT"},
            {"name":"abc","type":"file","mtime":"Sun, 06 Nov 1994 08:49:37 GMT","size":12},
            {"name":"x","type":"other","mtime":""}])");
    ASSERT_TRUE(list);
    EXPECT_EQ(*list, (std::vector<ListedFile>{{"3f", 0, k_listed_at_ns, true},
                                              {"abc", 12, k_listed_at_ns, false}}));
    EXPECT_TRUE(parse_directory_list("[]")->empty());
}

TEST(DirectoryList, NamesThatLeaveTheDirectoryAreLeftOut) {
    for (const char* const name :
         {"..", ".", "../x", "a/b", ".hidden", "a b", "a%2fb", "a?b", "a\\u0000b", "a\\nb"}) {
        const auto list = parse_directory_list("[{\"name\":\"" + std::string(name) +
                                               "\",\"type\":\"directory\"}]");
        ASSERT_TRUE(list) << name;
        EXPECT_TRUE(list->empty()) << name;
    }
}

TEST(DirectoryList, EverythingElseIsDamaged) {
    for (const std::string& text :
         {std::string(), std::string("<html>"), std::string("{}"), std::string("[1]"),
          std::string("[{}]"), std::string(R"([{"name":"a","type":"file"}])"),
          std::string(R"([{"name":"a","type":"file","size":-1,"mtime":"now"}])"),
          std::string(100'000, '[')}) {
        EXPECT_FALSE(parse_directory_list(text)) << text.substr(0, 50);
    }
}

TEST(Xml, EntitiesCommentsAndNamespaces) {
    const auto root = parse_xml(
        "<?xml version='1.0'?><!-- x --><a xmlns=\"y\"><b>1 &lt; 2 &#38;&#x41;</b> <c/>"
        "<b>second</b></a>\n");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->text_of("b"), "1 < 2 &A");
    EXPECT_NE(root->find("c"), nullptr);
    EXPECT_EQ(root->find("d"), nullptr);
    const auto again = parse_xml("<a>" + xml_escaped("<&>\"'x") + "</a>");
    EXPECT_EQ(again->text, "<&>\"'x");
}

TEST(Xml, EverythingElseIsRefused) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "<a>";
    for (const std::string& text :
         {std::string(), std::string("<a>"), std::string("<a></b>"), std::string("<a/><b/>"),
          std::string("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), std::string("<a>&b;</a>"),
          std::string("<a>&#0;</a>"), std::string("<a>&#99999;</a>"), std::string("<a b></a>"),
          std::string("<a b=\"></a>"), std::string("text"), std::string("<a>x"), deep}) {
        EXPECT_FALSE(parse_xml(text)) << text.substr(0, 50);
    }
}

TEST(ObjectPage, TellsWhetherThereIsMore) {
    const auto one = object("models/entries/3f/3f&amp;", "12", "1994-11-06T08:49:37.000Z");
    auto page = parse_object_page(page_of(one, "<IsTruncated>false</IsTruncated>"));
    ASSERT_TRUE(page);
    ASSERT_EQ(page->objects.size(), 1U);
    EXPECT_EQ(page->objects[0], (ObjectPage::Object{"models/entries/3f/3f&", 12, k_listed_at_ns}));
    EXPECT_EQ(page->next, "");
    page = parse_object_page(page_of("",
                                     "<IsTruncated>true</IsTruncated><NextContinuationToken>"
                                     "t</NextContinuationToken>"));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next, "t");
}

TEST(ObjectPage, APartIsNotTakenForTheWhole) {
    const auto one = object("key", "12", "1994-11-06T08:49:37.000Z");
    const std::string k_end = "<IsTruncated>false</IsTruncated>";
    for (const auto& text :
         {std::string("<html/>"), page_of(one, ""), page_of(one, "<IsTruncated>true</IsTruncated>"),
          page_of(object("key", "-1", "1994-11-06T08:49:37Z"), k_end),
          page_of(object("key", "1", "yesterday"), k_end),
          page_of(object("", "1", "1994-11-06T08:49:37Z"), k_end),
          page_of(one, k_end).substr(0, 200)}) {
        EXPECT_FALSE(parse_object_page(text)) << text;
    }
}

TEST(ErrorCode, IsAWordOrNothing) {
    EXPECT_EQ(parse_error_code("<Error><Code>AccessDenied</Code><X>key id</X></Error>"),
              "AccessDenied");
    EXPECT_EQ(
        parse_error_code("<ErrorResponse><Error><Code>Expired</Code></Error></ErrorResponse>"),
        "Expired");
    for (const char* const text :
         {"", "<Code>x</Code>", "<Error/>", "<Error><Code>a b</Code></Error>", "nonsense"}) {
        EXPECT_EQ(parse_error_code(text), "") << text;
    }
}

TEST(Uploads, AreListed) {
    const auto uploads = parse_uploads(
        "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId>"
        "<Initiated>1994-11-06T08:49:37.000Z</Initiated></Upload></ListMultipartUploadsResult>");
    ASSERT_TRUE(uploads);
    ASSERT_EQ(uploads->size(), 1U);
    EXPECT_EQ(uploads->front().id, "u");
    EXPECT_EQ(uploads->front().begun_at_ns, k_listed_at_ns);
    EXPECT_FALSE(parse_uploads("<html/>"));
}

}  // namespace
}  // namespace larder::internal::remote
