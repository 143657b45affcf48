// The ranges of a content, with a server that answers as it likes.
#include "remote/web_tier.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "remote/http_tier.h"

namespace larder::internal::remote {
namespace {

constexpr std::uint64_t k_range = std::uint64_t{4} << 20;

// Answers in the order of the requests.
class MadeUpServer final : public HttpClient {
public:
    using Answering = std::function<HttpAnswer(const HttpRequest&)>;

    explicit MadeUpServer(Answering answering) : answering_(std::move(answering)) {}

    Result<void> send_all(std::uint64_t count, const Make& make,
                          const Answered& answered) override {
        for (std::uint64_t index = 0; index < count; ++index) {
            auto request = make(index);
            if (!request) return fail(request.error());
            auto answer = answering_(*request);
            if (answer.status == 200 && request->take) {
                if (auto done = request->take(std::as_bytes(std::span(answer.body))); !done) {
                    return done;
                }
                answer.body.clear();
            }
            if (auto done = answered(index, std::move(answer)); !done) return done;
        }
        return {};
    }

private:
    Answering answering_;
};

std::string content(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 7919 >> 5);
    return text;
}

HttpAnswer partial(const HttpRequest& request, const std::string& whole) {
    const auto& range = request.headers.front();
    const auto begin = std::stoull(range.substr(range.find('=') + 1));
    const auto end =
        std::min<std::uint64_t>(std::stoull(range.substr(range.find('-') + 1)) + 1, whole.size());
    HttpAnswer answer;
    answer.status = 206;
    answer.body = whole.substr(begin, end - begin);
    answer.content_range = "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
                           std::to_string(whole.size());
    return answer;
}

Result<std::string> read(const MadeUpServer::Answering& answering, std::uint64_t bytes_max) {
    HttpTier tier(std::make_unique<MadeUpServer>(answering), "http://host");
    std::string text;
    auto done = tier.read("objects/3f/3f", bytes_max, [&](auto bytes) -> Result<void> {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
    if (!done) return fail(done.error());
    EXPECT_EQ(done->bytes, text.size());
    return text;
}

TEST(WebTier, ReadsContentsOfEverySizeInRanges) {
    for (const auto bytes :
         {std::uint64_t{1}, k_range - 1, k_range, k_range + 1, 3 * k_range + 5}) {
        const auto whole = content(bytes);
        const auto got =
            read([&](const HttpRequest& request) { return partial(request, whole); }, bytes);
        ASSERT_TRUE(got) << got.error().message();
        EXPECT_TRUE(*got == whole) << bytes;
    }
}

TEST(WebTier, AServerMayIgnoreRanges) {
    const auto whole = content(2 * k_range + 1);
    const auto got = read(
        [&](const HttpRequest&) {
            HttpAnswer answer;
            answer.status = 200;
            answer.body = whole;
            answer.content_bytes = whole.size();
            answer.has_content_bytes = true;
            return answer;
        },
        whole.size());
    ASSERT_TRUE(got);
    EXPECT_TRUE(*got == whole);
}

TEST(WebTier, NoOtherRangeIsTaken) {
    const auto whole = content(2 * k_range);
    const std::map<std::string, std::function<void(HttpAnswer&)>> lies{
        {"shifted", [](auto& answer) { answer.content_range = "bytes 7-4194310/8388608"; }},
        {"huge",
         [](auto& answer) { answer.content_range = "bytes 0-4194303/1152921504606846976"; }},
        {"absent", [](auto& answer) { answer.content_range.clear(); }},
        {"garbage", [](auto& answer) { answer.content_range = "bytes zz"; }},
        {"backwards", [](auto& answer) { answer.content_range = "bytes 4194303-0/8388608"; }},
        {"beyond", [](auto& answer) { answer.content_range = "bytes 0-8388608/8388608"; }},
        {"short", [](auto& answer) { answer.body.resize(100); }},
        {"empty", [](auto& answer) { answer.body.clear(); }},
    };
    for (const auto& [name, lie] : lies) {
        // At the first range, and at the second.
        for (const int place : {0, 1}) {
            int count = 0;
            const auto got = read(
                [&](const HttpRequest& request) {
                    auto answer = partial(request, whole);
                    if (count++ == place) lie(answer);
                    return answer;
                },
                whole.size());
            ASSERT_FALSE(got) << name;
            EXPECT_EQ(got.error().code, Errc::damaged) << name;
        }
    }
}

TEST(WebTier, NothingLongerThanItCanBeIsRead) {
    const auto whole = content(2 * k_range);
    EXPECT_EQ(read([&](const HttpRequest& request) { return partial(request, whole); }, k_range)
                  .error()
                  .code,
              Errc::damaged);
}

TEST(WebTier, EmptyContentsHaveNoRange) {
    const auto got = read(
        [](const HttpRequest&) {
            HttpAnswer answer;
            answer.status = 416;
            answer.content_range = "bytes */0";
            return answer;
        },
        0);
    ASSERT_TRUE(got);
    EXPECT_EQ(*got, "");
}

TEST(WebTier, EachStatusHasItsCode) {
    const std::map<int, Errc> codes{{401, Errc::permission_denied}, {403, Errc::permission_denied},
                                    {404, Errc::not_found},         {412, Errc::already_exists},
                                    {503, Errc::timed_out},         {507, Errc::no_space},
                                    {405, Errc::unsupported},       {500, Errc::io}};
    for (const auto& [status, code] : codes) {
        const auto got = read(
            [&, status = status](const HttpRequest&) {
                HttpAnswer answer;
                answer.status = status;
                return answer;
            },
            1);
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, code) << status;
        EXPECT_NE(got.error().message().find(std::to_string(status)), std::string::npos);
    }
}

TEST(WebTier, AListNamesNothingOutsideOfTheStorage) {
    std::vector<std::string> asked;
    HttpTier tier(
        std::make_unique<MadeUpServer>([&](const HttpRequest& request) {
            asked.push_back(request.url);
            HttpAnswer answer;
            answer.status = 200;
            answer.body =
                asked.size() == 1
                    ? R"([{"name":"../..","type":"directory"},{"name":"3f","type":"directory"}])"
                    : R"([{"name":"../x","type":"file","size":1,
                                 "mtime":"Sun, 06 Nov 1994 08:49:37 GMT"},
                                {"name":"3fa","type":"file","size":1,
                                 "mtime":"Sun, 06 Nov 1994 08:49:37 GMT"}])";
            return answer;
        }),
        "http://host");
    std::vector<std::string> names;
    ASSERT_TRUE(tier.list("entries", [&](const Stored& stored) { names.push_back(stored.name); }));
    EXPECT_EQ(asked, (std::vector<std::string>{"http://host/entries/", "http://host/entries/3f/"}));
    EXPECT_EQ(names, (std::vector<std::string>{"entries/3f/3fa"}));
}

}  // namespace
}  // namespace larder::internal::remote
