#include <chrono>
#include <optional>

#include <nlohmann/json.hpp>

#include "remote/aws_settings.h"
#include "remote/server_lists.h"

namespace larder::internal::remote {
namespace {

constexpr std::uint64_t k_given_bytes_max = std::uint64_t{1} << 20;
constexpr std::uint64_t k_token_bytes_max = 65536;
constexpr std::chrono::nanoseconds k_renew_before = std::chrono::minutes(5);
constexpr const char* k_container_host = "http://169.254.170.2";
constexpr const char* k_instance_host = "http://169.254.169.254";
constexpr const char* k_credentials_remedy =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run "
    "'aws configure export-credentials --format env'";

tl::unexpected<Error> unreadable(const std::string& whom) {
    return fail(Errc::permission_denied, whom + " gives no credentials that can be read", {},
                k_credentials_remedy);
}

bool is_one_line(const std::string& text) {
    return text.find_first_of("\r\n") == std::string::npos;
}

// As containers and instances answer.
std::optional<AwsCredentials> credentials_in(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto value = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
    };
    AwsCredentials credentials{value("AccessKeyId"), Secret(value("SecretAccessKey")),
                               Secret(value("Token")), parse_iso_time(value("Expiration"))};
    const bool is_right = !credentials.empty() && !credentials.secret_access_key.empty() &&
                          is_one_line(credentials.access_key_id) &&
                          is_one_line(credentials.session_token.reveal());
    return is_right ? std::optional(credentials) : std::nullopt;
}

}  // namespace

Result<const AwsCredentials*> CredentialChain::get() {
    const auto now_ns = system_.clock.wall().count();
    const bool expires = credentials_.expires_at_ns >= 0 &&
                         credentials_.expires_at_ns - now_ns < k_renew_before.count();
    if (credentials_.empty() || expires) {
        if (failure_) return fail(*failure_);
        auto found = find();
        if (!found) {
            if (credentials_.empty()) failure_ = found.error();
            return fail(std::move(found.error()));
        }
        if (!is_one_line(found->access_key_id) || !is_one_line(found->session_token.reveal())) {
            return fail(Errc::permission_denied, "the credentials have line breaks", {},
                        k_credentials_remedy);
        }
        credentials_ = std::move(*found);
    }
    return &credentials_;
}

Result<AwsCredentials> CredentialChain::find() {
    const auto named = [&](const char* name) { return variable(variables_, name); };
    if (!named("AWS_ACCESS_KEY_ID").empty()) {
        return AwsCredentials{named("AWS_ACCESS_KEY_ID"), Secret(named("AWS_SECRET_ACCESS_KEY")),
                              Secret(named("AWS_SESSION_TOKEN"))};
    }
    const auto token_file = named("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!token_file.empty()) return from_web_identity(token_file, named("AWS_ROLE_ARN"));
    if (const auto id = profile_.value("aws_access_key_id"); !id.empty()) {
        return AwsCredentials{id, Secret(profile_.value("aws_secret_access_key")),
                              Secret(profile_.value("aws_session_token"))};
    }
    if (const auto file = profile_.value("web_identity_token_file"); !file.empty()) {
        return from_web_identity(file, profile_.value("role_arn"));
    }
    for (const char* const setting : {"credential_process", "sso_session", "sso_start_url",
                                      "source_profile", "credential_source"}) {
        if (profile_.value(setting).empty()) continue;
        return fail(Errc::unsupported,
                    "larder cannot use '" + std::string(setting) + "' of the AWS profile '" +
                        profile_.name() + "'",
                    {},
                    "give larder the credentials themselves: eval \"$(aws configure "
                    "export-credentials --format env)\"");
    }
    auto url = named("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const auto relative = named("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (!relative.empty()) url = k_container_host + relative;
    if (!url.empty()) return from_container(url);
    if (named("AWS_EC2_METADATA_DISABLED") != "true") {
        auto found = from_instance();
        if (found) return found;
    }
    return fail(Errc::permission_denied, "there are no credentials for s3://", {},
                k_credentials_remedy);
}

Result<std::string> CredentialChain::ask(const HttpRequest& request, const std::string& whom) {
    auto answer = client_.send([&]() -> Result<HttpRequest> { return request; });
    if (!answer) return fail(std::move(answer.error()));
    if (answer->status != 200) {
        auto code = parse_error_code(answer->body);
        if (code.empty()) code = "status " + std::to_string(answer->status);
        return fail(Errc::permission_denied, whom + " gives no credentials: " + code, {},
                    k_credentials_remedy);
    }
    return std::move(answer->body);
}

Result<AwsCredentials> CredentialChain::from_web_identity(const std::string& token_file,
                                                          const std::string& role) {
    auto token = os::read_text(system_.fs, token_file, k_token_bytes_max);
    if (!token) return fail(std::move(token.error()));
    auto endpoint = variable(variables_, "AWS_ENDPOINT_URL_STS");
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (endpoint.empty()) {
        endpoint = "https://sts." + aws_region(variables_, profile_) + ".amazonaws.com";
    }
    auto session = variable(variables_, "AWS_ROLE_SESSION_NAME");
    if (session.empty()) session = "larder";
    HttpRequest request;
    request.method = HttpMethod::post;
    request.url = endpoint + "/";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body = query_text({{"Action", "AssumeRoleWithWebIdentity"},
                               {"Version", "2011-06-15"},
                               {"RoleArn", role},
                               {"RoleSessionName", session},
                               {"WebIdentityToken", *token}});
    request.body_bytes_max = k_given_bytes_max;
    wipe(*token);
    auto answer = ask(request, "AWS STS");
    wipe(request.body);
    if (!answer) return fail(std::move(answer.error()));
    const auto root = parse_xml(*answer);
    wipe(*answer);
    const auto* const result = root ? root->find("AssumeRoleWithWebIdentityResult") : nullptr;
    const auto* const given = result == nullptr ? nullptr : result->find("Credentials");
    if (given == nullptr) return unreadable("AWS STS");
    AwsCredentials credentials{
        given->text_of("AccessKeyId"), Secret(given->text_of("SecretAccessKey")),
        Secret(given->text_of("SessionToken")), parse_iso_time(given->text_of("Expiration"))};
    if (credentials.empty()) return unreadable("AWS STS");
    return credentials;
}

Result<AwsCredentials> CredentialChain::from_container(const std::string& url) {
    HttpRequest request;
    request.url = url;
    request.body_bytes_max = k_given_bytes_max;
    auto token = variable(variables_, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const auto file = variable(variables_, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty()) {
        auto text = os::read_text(system_.fs, file, k_token_bytes_max);
        if (!text) return fail(std::move(text.error()));
        token = std::move(*text);
        while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
    }
    if (!is_one_line(token)) return unreadable("the file of the container's token");
    if (!token.empty()) request.headers.push_back("Authorization: " + token);
    auto answer = ask(request, "the container's service");
    wipe(token);
    if (!answer) return fail(std::move(answer.error()));
    auto credentials = credentials_in(*answer);
    wipe(*answer);
    if (!credentials) return unreadable("the container's service");
    return *credentials;
}

Result<AwsCredentials> CredentialChain::from_instance() {
    auto host = variable(variables_, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    while (host.ends_with('/')) host.pop_back();
    if (host.empty()) host = k_instance_host;
    HttpRequest request;
    request.method = HttpMethod::put;
    request.url = host + "/latest/api/token";
    request.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 21600"};
    request.body_bytes_max = k_given_bytes_max;
    const auto token = ask(request, "the instance");
    if (!token) return fail(token.error());
    if (!is_one_line(*token)) return unreadable("the instance");
    request.method = HttpMethod::get;
    request.headers = {"X-aws-ec2-metadata-token: " + *token};
    request.url = host + "/latest/meta-data/iam/security-credentials/";
    const auto role = ask(request, "the instance");
    if (!role) return fail(role.error());
    const auto name = role->substr(0, role->find('\n'));
    if (!is_plain_name(name)) return unreadable("the instance");
    request.url += name;
    auto answer = ask(request, "the instance");
    if (!answer) return fail(std::move(answer.error()));
    auto credentials = credentials_in(*answer);
    wipe(*answer);
    if (!credentials) return unreadable("the instance");
    return *credentials;
}

}  // namespace larder::internal::remote
