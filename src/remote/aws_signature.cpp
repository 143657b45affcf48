#include "remote/aws_signature.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <sodium.h>

#include "base/hex.h"

namespace larder::internal::remote {
namespace {

constexpr std::string_view k_algorithm = "AWS4-HMAC-SHA256";

using Hash = std::array<std::uint8_t, crypto_hash_sha256_BYTES>;
static_assert(crypto_auth_hmacsha256_BYTES == crypto_hash_sha256_BYTES);

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

using Sha256 = unsigned char*(const unsigned char* bytes, std::size_t size, unsigned char* hash);

// OpenSSL's, if libcurl has brought it: with a processor's own instructions it is several times as
// fast as libsodium's, and contents are hashed as they are sent.
Sha256* find_fast_sha256() {
    void* const library = ::dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library == nullptr) return nullptr;
    return reinterpret_cast<Sha256*>(::dlsym(library, "SHA256"));
}

std::string sha256(std::string_view text) {
    static Sha256* const k_fast = find_fast_sha256();
    Hash hash{};
    if (k_fast == nullptr || k_fast(bytes_of(text), text.size(), hash.data()) == nullptr) {
        ::crypto_hash_sha256(hash.data(), bytes_of(text), text.size());
    }
    return to_hex(hash);
}

Hash hmac(std::span<const std::uint8_t> key, std::string_view text) {
    crypto_auth_hmacsha256_state state;
    Hash hash{};
    ::crypto_auth_hmacsha256_init(&state, key.data(), key.size());
    ::crypto_auth_hmacsha256_update(&state, bytes_of(text), text.size());
    ::crypto_auth_hmacsha256_final(&state, hash.data());
    ::sodium_memzero(&state, sizeof(state));
    return hash;
}

std::string two_digits(unsigned number) {
    return {static_cast<char>('0' + number / 10 % 10), static_cast<char>('0' + number % 10)};
}

// "20261130T154307Z"
std::string time_text(std::int64_t time_ns) {
    using namespace std::chrono;
    const sys_time<nanoseconds> time{nanoseconds(time_ns)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss<seconds> clock(floor<seconds>(time - day));
    return std::to_string(static_cast<int>(date.year())) +
           two_digits(static_cast<unsigned>(date.month())) +
           two_digits(static_cast<unsigned>(date.day())) + "T" +
           two_digits(static_cast<unsigned>(clock.hours().count())) +
           two_digits(static_cast<unsigned>(clock.minutes().count())) +
           two_digits(static_cast<unsigned>(clock.seconds().count())) + "Z";
}

std::string signature_of(const std::string& text, const AwsRequest& request, std::string_view date,
                         const AwsCredentials& credentials) {
    auto seed = "AWS4" + credentials.secret_access_key.reveal();
    auto key = hmac(std::span(bytes_of(seed), seed.size()), date);
    wipe(seed);
    for (const std::string_view step :
         {std::string_view(request.region), std::string_view(request.service),
          std::string_view("aws4_request")}) {
        key = hmac(key, step);
    }
    const auto signature = hmac(key, text);
    ::sodium_memzero(key.data(), key.size());
    return to_hex(signature);
}

}  // namespace

void wipe(std::string& text) noexcept {
    // Also what a short text has in the string itself.
    ::sodium_memzero(text.data(), text.size());
    text.clear();
}

std::string uri_encoded(std::string_view text, Slash slash) {
    constexpr std::string_view k_digits = "0123456789ABCDEF";
    constexpr unsigned k_base = 16;
    std::string encoded;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                              c == '~' || (c == '/' && slash == Slash::keep);
        if (is_plain) {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += '%';
            encoded += k_digits[byte / k_base];
            encoded += k_digits[byte % k_base];
        }
    }
    return encoded;
}

std::string query_text(const std::map<std::string, std::string>& query) {
    std::string text;
    for (const auto& [name, value] : query) {
        if (!text.empty()) text += '&';
        text += uri_encoded(name, Slash::encode) + "=" + uri_encoded(value, Slash::encode);
    }
    return text;
}

std::vector<std::string> signed_headers(const AwsRequest& request,
                                        const AwsCredentials& credentials) {
    const auto time = time_text(request.time_ns);
    const auto date = time.substr(0, time.find('T'));
    auto headers = request.headers;
    headers["host"] = request.host;
    headers["x-amz-date"] = time;
    const auto body_hash = sha256(request.body);
    // S3 wants it, and compares what arrives: nothing that was cut or changed is stored.
    if (request.service == "s3") headers["x-amz-content-sha256"] = body_hash;
    if (!credentials.session_token.empty()) {
        headers["x-amz-security-token"] = credentials.session_token.reveal();
    }
    std::string names;
    std::string canonical =
        request.method + "\n" + request.path + "\n" + query_text(request.query) + "\n";
    for (const auto& [name, value] : headers) {
        canonical.append(name).append(":").append(value).append("\n");
        names += (names.empty() ? "" : ";") + name;
    }
    canonical += "\n" + names + "\n" + body_hash;
    const auto scope = date + "/" + request.region + "/" + request.service + "/aws4_request";
    const auto text =
        std::string(k_algorithm) + "\n" + time + "\n" + scope + "\n" + sha256(canonical);
    std::vector<std::string> lines;
    for (const auto& [name, value] : headers) {
        if (name == "host") continue;  // libcurl sends the same
        lines.push_back(name);
        lines.back().append(": ").append(value);
    }
    lines.push_back("Authorization: " + std::string(k_algorithm) + " Credential=" +
                    credentials.access_key_id + "/" + scope + ", SignedHeaders=" + names +
                    ", Signature=" + signature_of(text, request, date, credentials));
    return lines;
}

}  // namespace larder::internal::remote
