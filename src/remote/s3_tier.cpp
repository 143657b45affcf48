#include "remote/s3_tier.h"

#include <algorithm>
#include <chrono>

#include "remote/server_lists.h"

namespace larder::internal::remote {
namespace {

constexpr std::uint64_t k_part_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t k_parts_max = 10000;
constexpr std::uint64_t k_answer_bytes_max = std::uint64_t{4} << 20;
constexpr std::chrono::nanoseconds k_upload_abandoned_after = std::chrono::hours(24);

const char* method_name(HttpMethod method) {
    switch (method) {
        case HttpMethod::get: return "GET";
        case HttpMethod::head: return "HEAD";
        case HttpMethod::put: return "PUT";
        case HttpMethod::post: return "POST";
        case HttpMethod::remove: return "DELETE";
    }
    return "";
}

Result<std::string> read_part(const Tier::Give& give, std::uint64_t begin, std::uint64_t end) {
    std::string part(end - begin, '\0');
    if (auto done = give(begin, std::as_writable_bytes(std::span(part))); !done) {
        return fail(std::move(done.error()));
    }
    return part;
}

}  // namespace

bool is_bucket_name(std::string_view name) {
    constexpr std::size_t k_length_max = 63;
    return name.size() <= k_length_max && is_plain_name(name);
}

S3Tier::S3Tier(const os::System& system, std::unique_ptr<HttpClient> client,
               std::unique_ptr<HttpClient> credentials_client, Variables variables,
               const AwsProfile& profile, Bucket bucket)
    : WebTier(std::move(client)),
      system_(system),
      variables_(std::move(variables)),
      profile_(profile),
      credentials_client_(std::move(credentials_client)),
      chain_(system_, variables_, profile_, *credentials_client_),
      bucket_(std::move(bucket)) {
    // A name with a dot fits no certificate.
    const bool is_in_host = bucket_.endpoint.empty() && bucket_.name.find('.') == std::string::npos;
    base_ = bucket_.endpoint;
    if (base_.empty()) {
        base_ = "https://" + (is_in_host ? bucket_.name + "." : std::string()) + "s3." +
                bucket_.region + ".amazonaws.com";
    }
    if (!is_in_host) base_path_ = "/" + bucket_.name;
    host_ = base_.substr(base_.find("://") + 3);
    // An endpoint may have a path of its own.
    if (const auto slash = host_.find('/'); slash != std::string::npos) {
        base_path_ = host_.substr(slash) + base_path_;
        base_.resize(base_.size() - (host_.size() - slash));
        host_.resize(slash);
    }
    // libcurl leaves the usual port out of the header.
    for (const auto& [scheme, port] : {std::pair("https://", ":443"), {"http://", ":80"}}) {
        if (base_.starts_with(scheme) && host_.ends_with(port)) {
            host_.resize(host_.size() - std::string_view(port).size());
        }
    }
}

std::string S3Tier::url() const {
    return "s3://" + bucket_.name + (bucket_.prefix.empty() ? "" : "/" + bucket_.prefix);
}

std::string S3Tier::key_of(const std::string& name) const {
    return bucket_.prefix.empty() ? name : bucket_.prefix + "/" + name;
}

Result<void> S3Tier::sign(HttpRequest& request, const std::string& key, const Query& query,
                          Headers headers) {
    const auto credentials = chain_.get();
    if (!credentials) return fail(credentials.error());
    AwsRequest signing;
    signing.method = method_name(request.method);
    signing.host = host_;
    signing.path = uri_encoded(base_path_ + "/" + key, Slash::keep);
    signing.query = query;
    signing.headers = std::move(headers);
    signing.body = request.body;
    signing.region = bucket_.region;
    signing.time_ns = system_.clock.wall().count();
    request.url = base_ + signing.path + (query.empty() ? "" : "?" + query_text(query));
    for (auto& header : signed_headers(signing, **credentials)) {
        request.headers.push_back(std::move(header));
    }
    return {};
}

Result<void> S3Tier::address(HttpRequest& request, const std::string& name) {
    return sign(request, key_of(name), {}, {});
}

Result<HttpAnswer> S3Tier::call(HttpMethod method, const std::string& key, const Query& query,
                                const Headers& headers, const std::string& body) {
    return client().send([&]() -> Result<HttpRequest> {
        HttpRequest request;
        request.method = method;
        request.body = body;
        request.body_bytes_max = k_answer_bytes_max;
        if (auto done = sign(request, key, query, headers); !done) return fail(done.error());
        return request;
    });
}

Error S3Tier::refusal(const HttpAnswer& answer, const std::string& name) {
    Error error;
    const auto code = parse_error_code(answer.body);
    error.code = errc_of_status(answer.status);
    if (code == "QuotaExceeded" || code == "EntityTooLarge") error.code = Errc::no_space;
    error.what = "the storage answers with status " + std::to_string(answer.status) +
                 (code.empty() ? "" : " (" + code + ")") + ":";
    error.path = url() + (name.empty() ? "" : "/" + name);
    // Nothing is known of the content if the bucket or the user is not there.
    const bool is_of_content = code.empty() || code == "NoSuchKey" || code == "NoSuchUpload";
    const bool is_unknown = error.code == Errc::not_found && !is_of_content;
    if (is_unknown) error.code = Errc::io;
    const bool is_elsewhere = answer.status / 100 == 3 || code == "AuthorizationHeaderMalformed";
    if (code == "NoSuchBucket") {
        error.remedy = "make the bucket, or correct the URL or AWS_ENDPOINT_URL";
    } else if (is_elsewhere) {
        error.code = Errc::invalid_argument;
        error.remedy = is_plain_name(answer.region) && answer.region != bucket_.region
                           ? "the bucket is in another region: set AWS_REGION=" + answer.region
                           : "set AWS_REGION to the region of the bucket";
    } else if (code == "RequestTimeTooSkewed") {
        error.remedy = "correct the clock of this machine";
    } else if (error.code == Errc::permission_denied || is_unknown) {
        error.remedy = "check the credentials, and their rights to this bucket and prefix";
    }
    return error;
}

Result<HttpAnswer> S3Tier::list_one() {
    return call(
        HttpMethod::get, {},
        {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", key_of(std::string(k_entries)) + "/"}},
        {}, {});
}

Result<void> S3Tier::prepare() {
    const auto answer = list_one();
    if (!answer) return fail(answer.error());
    // The right to write does not include the right to list.
    if (answer->status == 200 || parse_error_code(answer->body) == "AccessDenied") return {};
    return fail(refusal(*answer, {}));
}

Result<void> S3Tier::check_exists() {
    const auto answer = list_one();
    if (!answer) return fail(answer.error());
    if (answer->status != 200) return fail(refusal(*answer, {}));
    const auto page = parse_object_page(answer->body);
    if (!page) return fail(page.error());
    if (!page->objects.empty()) return {};
    return fail(Errc::not_found, "no entry was ever pushed there:", url(),
                "check the URL, and AWS_ENDPOINT_URL");
}

Result<void> S3Tier::list(const std::string& directory,
                          const std::function<void(const Stored&)>& visit) {
    const auto skipped = bucket_.prefix.empty() ? 0 : bucket_.prefix.size() + 1;
    Query query{{"list-type", "2"}, {"prefix", key_of(directory) + "/"}};
    std::string before;
    for (;;) {
        const auto answer = call(HttpMethod::get, {}, query, {}, {});
        if (!answer) return fail(answer.error());
        if (answer->status != 200) return fail(refusal(*answer, {}));
        const auto page = parse_object_page(answer->body);
        if (!page) return fail(page.error());
        for (const auto& object : page->objects) {
            // In order, and of this prefix alone: a list that lies could go on for ever.
            if (!object.key.starts_with(query["prefix"]) || object.key <= before) {
                return fail(Errc::damaged,
                            "the storage lists names that were not requested:", url());
            }
            before = object.key;
            visit({object.key.substr(skipped), object.bytes, object.written_at_ns});
        }
        if (page->next.empty()) return {};
        if (page->objects.empty()) {
            return fail(Errc::damaged, "the list of the storage has no end:", url());
        }
        query["continuation-token"] = page->next;
    }
}

Result<void> S3Tier::refresh(const std::string& name) {
    const auto source = "/" + bucket_.name + "/" + key_of(name);
    const auto answer = call(HttpMethod::put, key_of(name), {},
                             {{"x-amz-copy-source", uri_encoded(source, Slash::keep)},
                              {"x-amz-metadata-directive", "REPLACE"}},
                             {});
    if (!answer) return fail(answer.error());
    // A copy that fails late has status 200.
    if (answer->status == 200 && parse_error_code(answer->body).empty()) return {};
    return fail(refusal(*answer, name));
}

Result<void> S3Tier::write(const std::string& name, std::uint64_t bytes, const Give& give,
                           IfThere if_there) {
    if (bytes > k_part_bytes) return write_in_parts(name, bytes, give);
    const auto body = read_part(give, 0, bytes);
    if (!body) return fail(body.error());
    Headers headers;
    if (if_there == IfThere::keep) headers["if-none-match"] = "*";
    const auto answer = call(HttpMethod::put, key_of(name), {}, headers, *body);
    if (!answer) return fail(answer.error());
    if (answer->status == 200) return {};
    return fail(refusal(*answer, name));
}

Result<std::vector<std::string>> S3Tier::send_parts(const std::string& key,
                                                    const std::string& upload, std::uint64_t bytes,
                                                    const Give& give) {
    // All but the last are equal: some stores insist.
    const auto part_bytes = std::max(k_part_bytes, (bytes + k_parts_max - 1) / k_parts_max);
    std::vector<std::string> tags;
    auto done = client().send_all(
        (bytes + part_bytes - 1) / part_bytes,
        [&](std::uint64_t index) -> Result<HttpRequest> {
            auto part =
                read_part(give, index * part_bytes, std::min((index + 1) * part_bytes, bytes));
            if (!part) return fail(std::move(part.error()));
            HttpRequest request;
            request.method = HttpMethod::put;
            request.body = std::move(*part);
            request.body_bytes_max = k_answer_bytes_max;
            auto signature =
                sign(request, key,
                     {{"partNumber", std::to_string(index + 1)}, {"uploadId", upload}}, {});
            if (!signature) return fail(std::move(signature.error()));
            return request;
        },
        [&](std::uint64_t, HttpAnswer&& answer) -> Result<void> {
            if (answer.status != 200 || answer.etag.empty()) {
                return fail(refusal(answer, "objects"));
            }
            tags.push_back(std::move(answer.etag));
            return {};
        });
    if (!done) return fail(std::move(done.error()));
    return tags;
}

Result<void> S3Tier::write_in_parts(const std::string& name, std::uint64_t bytes,
                                    const Give& give) {
    sweep();
    const auto key = key_of(name);
    const auto begun = call(HttpMethod::post, key, {{"uploads", ""}}, {}, {});
    if (!begun) return fail(begun.error());
    const auto root = parse_xml(begun->body);
    const auto upload = root ? root->text_of("UploadId") : std::string();
    if (begun->status != 200 || upload.empty()) return fail(refusal(*begun, name));
    const auto finish = [&]() -> Result<void> {
        const auto tags = send_parts(key, upload, bytes, give);
        if (!tags) return fail(tags.error());
        std::string body = "<CompleteMultipartUpload>";
        for (std::size_t i = 0; i < tags->size(); ++i) {
            body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" +
                    xml_escaped((*tags)[i]) + "</ETag></Part>";
        }
        body += "</CompleteMultipartUpload>";
        const auto answer = call(HttpMethod::post, key, {{"uploadId", upload}}, {}, body);
        if (!answer) return fail(answer.error());
        // A store that needs long for it says "200" first, and then what happened.
        const auto said = parse_xml(answer->body);
        if (answer->status == 200 && said && said->name == "CompleteMultipartUploadResult") {
            return {};
        }
        return fail(refusal(*answer, name));
    };
    auto done = finish();
    if (!done) {
        static_cast<void>(call(HttpMethod::remove, key, {{"uploadId", upload}}, {}, {}));
    }
    return done;
}

void S3Tier::sweep() {
    if (is_swept_) return;
    is_swept_ = true;
    const auto prefix = key_of(std::string(k_objects)) + "/";
    const auto answer = call(HttpMethod::get, {}, {{"prefix", prefix}, {"uploads", ""}}, {}, {});
    if (!answer || answer->status != 200) return;
    const auto uploads = parse_uploads(answer->body);
    if (!uploads) return;
    const auto now_ns = system_.clock.wall().count();
    for (const auto& upload : *uploads) {
        if (!upload.key.starts_with(prefix) || upload.begun_at_ns < 0 ||
            now_ns - upload.begun_at_ns < k_upload_abandoned_after.count()) {
            continue;
        }
        static_cast<void>(call(HttpMethod::remove, upload.key, {{"uploadId", upload.id}}, {}, {}));
    }
}

}  // namespace larder::internal::remote
