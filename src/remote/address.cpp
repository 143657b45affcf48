#include "remote/address.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "remote/directory_tier.h"
#include "remote/http_tier.h"
#include "remote/s3_tier.h"
#include "remote/server_lists.h"

namespace larder::internal::remote {
namespace {

constexpr std::string_view k_file = "file://";
constexpr std::string_view k_s3 = "s3://";
constexpr const char* k_known =
    "give file:///DIRECTORY, s3://BUCKET/PREFIX or https://HOST/PATH, with ?read-only or "
    "?unsigned where that is meant";

std::optional<std::string> decode_percent(std::string_view text) {
    std::string decoded;
    constexpr int k_base = 16;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        unsigned byte = 0;
        const auto* const end = text.data() + i + 3;
        if (std::from_chars(text.data() + i + 1, end, byte, k_base).ptr != end) return std::nullopt;
        if (byte == 0) return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

std::string without_slashes_at_end(std::string text) {
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

bool is_web(std::string_view url) {
    return url.starts_with("http://") || url.starts_with("https://");
}

// "user:password@host": the password would be in the process list, and in messages.
bool names_user(std::string_view url) {
    const auto host = url.substr(std::min(url.find("://"), url.size() - 3) + 3);
    return host.substr(0, host.find('/')).find('@') != std::string_view::npos;
}

// Reads what is between the scheme and the flags into the address.
Result<void> read_place(std::string_view url, std::string_view place, Address& address) {
    const auto refuse = [&](const std::string& what) {
        return fail(Errc::invalid_argument, what, std::string(url), k_known);
    };
    if (is_web(url)) {
        const bool is_printable =
            std::ranges::all_of(place, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
        const auto host = place.substr(place.find("://") + 3);
        if (host.empty() || host.front() == '/' || host.front() == ':') {
            return refuse("the URL names no host:");
        }
        if (!is_printable) return refuse("characters of the URL must be percent-encoded:");
        address.kind = Address::Kind::http;
        address.path = without_slashes_at_end(std::string(place));
        return {};
    }
    const auto path = decode_percent(place);
    if (!path) return refuse("a percent sign is not followed by two hexadecimal digits:");
    if (url.starts_with(k_s3)) {
        const auto slash = path->find('/');
        address.kind = Address::Kind::s3;
        address.bucket = path->substr(0, slash);
        if (!is_bucket_name(address.bucket)) return refuse("not a valid name of a bucket:");
        if (slash == std::string::npos) return {};
        const auto first = path->find_first_not_of('/', slash);
        if (first == std::string::npos) return {};
        address.path = without_slashes_at_end(path->substr(first));
        return {};
    }
    if (!path->starts_with('/')) return refuse("the directory's path must be absolute:");
    address.path = without_slashes_at_end(os::absolute_path(*path));
    return {};
}

Result<std::unique_ptr<HttpClient>> client_of(const os::System& system, const TierOptions& options,
                                              Address::Kind kind) {
    const bool is_s3 = kind == Address::Kind::s3;
    HttpOptions http;
    http.limits = options.limits;
    http.is_ended = options.is_ended;
    // A signature is of one host.
    http.follows_redirects = !is_s3;
    if (is_s3) http.ca_bundle = variable(options.variables, "AWS_CA_BUNDLE");
    for (const char* const name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
        if (http.ca_bundle.empty()) http.ca_bundle = variable(options.variables, name);
    }
    if (!is_s3) {
        http.netrc_file = variable(options.variables, "NETRC");
        const auto home = variable(options.variables, "HOME");
        if (http.netrc_file.empty() && !home.empty()) http.netrc_file = home + "/.netrc";
        if (!system.fs.info(http.netrc_file)) http.netrc_file.clear();
    }
    return HttpClient::open(system, std::move(http));
}

Result<std::unique_ptr<Tier>> open_s3(const os::System& system, const Address& address,
                                      const TierOptions& options) {
    auto profile = AwsProfile::read(system.fs, options.variables);
    if (!profile) return fail(std::move(profile.error()));
    Bucket bucket{address.bucket, address.path, aws_endpoint(options.variables, *profile),
                  aws_region(options.variables, *profile)};
    if ((!bucket.endpoint.empty() && !is_web(bucket.endpoint)) || names_user(bucket.endpoint)) {
        return fail(Errc::invalid_argument, "the endpoint for s3:// is not the URL of a server", {},
                    "set AWS_ENDPOINT_URL to https://HOST");
    }
    if (!is_plain_name(bucket.region)) {
        return fail(Errc::invalid_argument, "not a region: '" + bucket.region + "'", {},
                    "correct AWS_REGION");
    }
    auto client = client_of(system, options, address.kind);
    if (!client) return fail(std::move(client.error()));
    // Services that give credentials are near, or not there at all.
    auto nearby = options;
    nearby.limits.connect = std::min(nearby.limits.connect, std::chrono::milliseconds(1000));
    nearby.limits.answer = std::min(nearby.limits.answer, std::chrono::seconds(5));
    nearby.limits.attempts = std::min(nearby.limits.attempts, 2U);
    auto credentials_client = client_of(system, nearby, address.kind);
    if (!credentials_client) return fail(std::move(credentials_client.error()));
    return std::make_unique<S3Tier>(system, std::move(*client), std::move(*credentials_client),
                                    options.variables, *profile, std::move(bucket));
}

}  // namespace

Result<Address> parse_address(std::string_view url) {
    if (is_web(url) && names_user(url)) {
        return fail(Errc::invalid_argument, "a URL must not contain a password", {},
                    "put it into ~/.netrc: machine HOST login NAME password PASSWORD");
    }
    const auto refuse = [&](const std::string& what) {
        return fail(Errc::invalid_argument, what, std::string(url), k_known);
    };
    std::string_view place = url;
    if (url.starts_with(k_file) || url.starts_with(k_s3)) {
        place.remove_prefix(url.find("://") + 3);
    } else if (!is_web(url)) {
        return refuse("not a kind of storage that larder supports:");
    }
    std::string_view flags;
    if (const auto question = place.find('?'); question != std::string_view::npos) {
        flags = place.substr(question + 1);
        place = place.substr(0, question);
    }
    Address address;
    if (auto done = read_place(url, place, address); !done) return fail(std::move(done.error()));
    while (!flags.empty()) {
        const auto end = flags.find('&');
        const auto flag = flags.substr(0, end);
        flags = end == std::string_view::npos ? std::string_view{} : flags.substr(end + 1);
        if (flag == "read-only") {
            address.is_read_only = true;
        } else if (flag == "unsigned") {
            address.is_unsigned = true;
        } else {
            return refuse("'" + std::string(flag) + "' is not a setting of a storage:");
        }
    }
    return address;
}

Result<std::unique_ptr<Tier>> open_tier(const os::System& system, const Address& address,
                                        const TierOptions& options) {
    switch (address.kind) {
        case Address::Kind::directory: return std::make_unique<DirectoryTier>(system, address.path);
        case Address::Kind::s3: return open_s3(system, address, options);
        case Address::Kind::http: break;
    }
    auto client = client_of(system, options, address.kind);
    if (!client) return fail(std::move(client.error()));
    return std::make_unique<HttpTier>(std::move(*client), address.path);
}

Result<StoredText> read_stored_text(Tier& tier, const std::string& name, std::uint64_t bytes_max) {
    StoredText read;
    auto stored = tier.read(name, bytes_max, [&](std::span<const std::byte> bytes) -> Result<void> {
        if (read.text.size() + bytes.size() > bytes_max) {
            return fail(Errc::damaged, "longer than is possible:", tier.url() + "/" + name);
        }
        read.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
    if (!stored) return fail(std::move(stored.error()));
    read.stored = std::move(*stored);
    return read;
}

Result<std::string> read_text(Tier& tier, const std::string& name, std::uint64_t bytes_max) {
    auto read = read_stored_text(tier, name, bytes_max);
    if (!read) return fail(std::move(read.error()));
    return std::move(read->text);
}

}  // namespace larder::internal::remote
