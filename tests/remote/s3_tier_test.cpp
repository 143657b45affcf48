// The requests of a storage in S3, to a store that answers as it likes.
#include "remote/s3_tier.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace larder::internal::remote {
namespace {

constexpr std::uint64_t k_upload_mib = std::uint64_t{1} << 20;

class MadeUpStore final : public HttpClient {
public:
    using Answering = std::function<HttpAnswer(const HttpRequest&)>;

    explicit MadeUpStore(Answering answering) : answering_(std::move(answering)) {}

    Result<void> send_all(std::uint64_t count, const Make& make,
                          const Answered& answered) override {
        for (std::uint64_t index = 0; index < count; ++index) {
            const auto request = make(index);
            if (!request) return fail(request.error());
            if (auto done = answered(index, answering_(*request)); !done) return done;
        }
        return {};
    }

private:
    Answering answering_;
};

HttpAnswer said(int status, std::string body = {}) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.etag = "\"tag\"";
    return answer;
}

class S3TierTest : public ::testing::Test {
protected:
    std::unique_ptr<S3Tier> tier(const MadeUpStore::Answering& answering, Bucket bucket) {
        const Variables variables{{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key"}};
        const auto profile = AwsProfile::read(real_.system().fs, {}).value();
        return std::make_unique<S3Tier>(
            real_.system(),
            std::make_unique<MadeUpStore>([this, answering](const HttpRequest& request) {
                requests_.push_back(request);
                return answering(request);
            }),
            std::make_unique<MadeUpStore>([](const HttpRequest&) { return said(404); }), variables,
            profile, std::move(bucket));
    }
    static Result<void> write(Tier& tier, std::uint64_t bytes) {
        return tier.write("objects/3f/3f", bytes,
                          [](std::uint64_t, std::span<std::byte> buffer) -> Result<void> {
                              std::memset(buffer.data(), 'x', buffer.size());
                              return {};
                          });
    }

    os::RealSystem real_;
    std::vector<HttpRequest> requests_;
};

TEST_F(S3TierTest, UrlsNameTheBucketInTheHostOrInThePath) {
    const auto answering = [](const HttpRequest&) { return said(404); };
    const std::vector<std::pair<Bucket, std::string>> expected{
        {{"models", "a b", "", "eu-west-1"},
         "https://models.s3.eu-west-1.amazonaws.com/a%20b/entries/3f/3f"},
        {{"my.models", "", "", "eu-west-1"},
         "https://s3.eu-west-1.amazonaws.com/my.models/entries/3f/3f"},
        {{"models", "x", "http://host:9000", "auto"}, "http://host:9000/models/x/entries/3f/3f"},
        {{"models", "", "https://host/s3", "auto"}, "https://host/s3/models/entries/3f/3f"}};
    for (const auto& [bucket, url] : expected) {
        EXPECT_FALSE(tier(answering, bucket)->find("entries/3f/3f"));
        EXPECT_EQ(requests_.back().url, url);
    }
}

TEST_F(S3TierTest, PartsAreEqualAndNamedInOrder) {
    const auto answering = [](const HttpRequest& request) {
        if (request.url.ends_with("?uploads=")) {
            return said(200,
                        "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId>"
                        "</InitiateMultipartUploadResult>");
        }
        const bool is_end = request.method == HttpMethod::post;
        return said(200, is_end ? "<CompleteMultipartUploadResult/>" : "");
    };
    auto storage = tier(answering, {"models", "", "http://host", "auto"});
    ASSERT_TRUE(write(*storage, 20 * k_upload_mib));
    std::vector<std::size_t> parts;
    for (const auto& request : requests_) {
        if (request.method == HttpMethod::put) parts.push_back(request.body.size());
    }
    EXPECT_EQ(parts,
              (std::vector<std::size_t>{8 * k_upload_mib, 8 * k_upload_mib, 4 * k_upload_mib}));
    EXPECT_NE(requests_.back().url.find("?uploadId=u%261"), std::string::npos);
    EXPECT_NE(requests_.back().body.find("<PartNumber>3</PartNumber><ETag>&quot;tag&quot;"),
              std::string::npos);
}

TEST_F(S3TierTest, OldUploadsOfItsOwnAreEnded) {
    const auto upload = [](const std::string& key, const std::string& id, const std::string& time) {
        return "<Upload><Key>" + key + "</Key><UploadId>" + id + "</UploadId><Initiated>" + time +
               "</Initiated></Upload>";
    };
    const auto list = "<ListMultipartUploadsResult>" +
                      upload("fleet/objects/3f/old", "old", "2020-01-01T00:00:00.000Z") +
                      upload("fleet/objects/3f/young", "young", "2199-01-01T00:00:00.000Z") +
                      upload("fleet/objects/3f/undated", "undated", "") +
                      upload("theirs/objects/3f/old", "theirs", "2020-01-01T00:00:00.000Z") +
                      "</ListMultipartUploadsResult>";
    const auto answering = [&](const HttpRequest& request) {
        return request.method == HttpMethod::get ? said(200, list) : said(500);
    };
    auto storage = tier(answering, {"models", "fleet", "http://host", "auto"});
    EXPECT_FALSE(write(*storage, 20 * k_upload_mib));
    EXPECT_FALSE(write(*storage, 20 * k_upload_mib)) << "once for each program";
    std::vector<std::string> ended;
    for (const auto& request : requests_) {
        if (request.method == HttpMethod::remove) ended.push_back(request.url);
    }
    EXPECT_EQ(ended,
              (std::vector<std::string>{"http://host/models/fleet/objects/3f/old?uploadId=old"}));
}

TEST_F(S3TierTest, ABucketElsewhereIsNamedWithItsRegion) {
    const auto answering = [](const HttpRequest&) {
        auto answer = said(301, "<Error><Code>PermanentRedirect</Code></Error>");
        answer.region = "eu-central-1";
        return answer;
    };
    auto storage = tier(answering, {"models", "", "", "us-east-1"});
    const auto done = storage->prepare();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::invalid_argument);
    EXPECT_NE(done.error().remedy.find("AWS_REGION=eu-central-1"), std::string::npos);
}

TEST_F(S3TierTest, ARefreshThatFailsLateIsAFailure) {
    const auto answering = [](const HttpRequest&) {
        return said(200, "<Error><Code>InternalError</Code></Error>");
    };
    auto storage = tier(answering, {"models", "", "http://host", "auto"});
    EXPECT_FALSE(storage->refresh("objects/3f/3f"));
    const auto& headers = requests_.back().headers;
    EXPECT_NE(std::ranges::find(headers, "x-amz-copy-source: /models/objects/3f/3f"),
              headers.end());
}

}  // namespace
}  // namespace larder::internal::remote
