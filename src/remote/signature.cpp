#include "remote/signature.h"

#include <algorithm>

#include <sodium.h>

#include "base/hex.h"

namespace larder::internal::remote {
namespace {

static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_BYTES == sizeof(Signature) &&
              crypto_sign_PUBLICKEYBYTES == PublicKey::k_size_bytes);

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t k_key_file_bytes_max = 16384;
constexpr std::uint32_t k_owner_only = 0600;
constexpr std::uint32_t k_others = 0077;

// RFC 8410, sections 4 and 7: what stands before the key, which is the rest.
constexpr std::array<std::uint8_t, 16> k_private_prefix{
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
constexpr std::array<std::uint8_t, 12> k_public_prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr std::string_view k_private_label = "PRIVATE KEY";
constexpr std::string_view k_public_label = "PUBLIC KEY";

std::string begin_of(std::string_view label) {
    return "-----BEGIN " + std::string(label) + "-----\n";
}
std::string end_of(std::string_view label) { return "-----END " + std::string(label) + "-----\n"; }

bool is_ready() { return ::sodium_init() >= 0; }

Error no_library() {
    return {Errc::unsupported, 0, "libsodium cannot be used on this machine", {}, {}};
}

std::string to_pem(std::string_view label, std::span<const std::uint8_t> prefix,
                   std::span<const std::uint8_t> key) {
    Bytes der(prefix.begin(), prefix.end());
    der.insert(der.end(), key.begin(), key.end());
    std::string text(sodium_base64_encoded_len(der.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    ::sodium_bin2base64(text.data(), text.size(), der.data(), der.size(),
                        sodium_base64_VARIANT_ORIGINAL);
    text.pop_back();  // the zero byte
    ::sodium_memzero(der.data(), der.size());
    return begin_of(label) + text + "\n" + end_of(label);
}

// The key in a PEM file; nothing where it is another kind of file or key.
Bytes from_pem(std::string_view text, std::string_view label,
               std::span<const std::uint8_t> prefix) {
    const auto first = begin_of(label);
    const auto begin = text.find(first);
    if (begin == std::string_view::npos) return {};
    std::string body(text.substr(begin + first.size()));
    const auto end = body.find("-----END " + std::string(label) + "-----");
    if (end == std::string::npos || end == 0) return {};
    Bytes der(end);
    std::size_t size = 0;
    const bool is_base64 = ::sodium_base642bin(der.data(), der.size(), body.data(), end, "\r\n",
                                               &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
    ::sodium_memzero(body.data(), body.size());
    if (!is_base64) return {};
    der.resize(size);
    if (der.size() != prefix.size() + PublicKey::k_size_bytes ||
        !std::ranges::equal(std::span(der).first(prefix.size()), prefix)) {
        return {};
    }
    Bytes key(der.begin() + static_cast<std::ptrdiff_t>(prefix.size()), der.end());
    ::sodium_memzero(der.data(), der.size());
    return key;
}

Result<void> write_new(os::FileSystem& fs, const std::string& path, std::uint32_t mode,
                       std::string_view text) {
    auto file = fs.open(path, os::OpenMode::create_exclusive, mode);
    if (!file) {
        if (file.error().code == Errc::already_exists) {
            file.error().remedy = "a key is never overwritten: give another name";
        }
        return fail(std::move(file.error()));
    }
    auto done = (*file)->write_at(0, std::as_bytes(std::span(text)));
    if (done) done = (*file)->sync();
    if (!done) static_cast<void>(fs.remove(path));
    return done;
}

}  // namespace

std::string PublicKey::hex() const { return to_hex(bytes); }

SigningKey::SigningKey(SigningKey&& other) noexcept : secret_(other.secret_) {
    ::sodium_memzero(other.secret_.data(), other.secret_.size());
}

SigningKey::~SigningKey() { ::sodium_memzero(secret_.data(), secret_.size()); }

Result<SigningKey> SigningKey::from_seed(std::span<const std::uint8_t> seed) {
    SigningKey key;
    PublicKey ignored;
    ::crypto_sign_seed_keypair(ignored.bytes.data(), key.secret_.data(), seed.data());
    return key;
}

Result<SigningKey> SigningKey::generate() {
    if (!is_ready()) return fail(no_library());
    std::array<std::uint8_t, crypto_sign_SEEDBYTES> seed{};
    ::randombytes_buf(seed.data(), seed.size());
    auto key = from_seed(seed);
    ::sodium_memzero(seed.data(), seed.size());
    return key;
}

Result<SigningKey> SigningKey::read(os::FileSystem& fs, const std::string& path) {
    if (!is_ready()) return fail(no_library());
    auto file = os::read_text_file(fs, path, k_key_file_bytes_max);
    if (!file) return fail(std::move(file.error()));
    auto seed = from_pem(file->text, k_private_label, k_private_prefix);
    const bool is_public = !from_pem(file->text, k_public_label, k_public_prefix).empty();
    ::sodium_memzero(file->text.data(), file->text.size());
    if (seed.empty()) {
        return fail(Errc::invalid_argument, "not an Ed25519 private key in PEM:", path,
                    is_public ? "this is a public key; give the signing key that belongs to it"
                              : "give a file that 'larder key generate' made");
    }
    auto key = from_seed(seed);
    ::sodium_memzero(seed.data(), seed.size());
    if ((file->info.mode & k_others) != 0) {
        return fail(Errc::permission_denied, "other users than its owner can read the signing key",
                    path, "chmod 600 " + path);
    }
    return key;
}

Result<void> SigningKey::write(os::FileSystem& fs, const std::string& path) const {
    // The secret begins with the seed that it is made from.
    auto text = to_pem(k_private_label, k_private_prefix,
                       std::span(secret_).first<crypto_sign_SEEDBYTES>());
    auto done = write_new(fs, path, k_owner_only, text);
    ::sodium_memzero(text.data(), text.size());
    return done;
}

PublicKey SigningKey::public_key() const {
    PublicKey key;
    ::crypto_sign_ed25519_sk_to_pk(key.bytes.data(), secret_.data());
    return key;
}

Signature SigningKey::sign(std::string_view text) const {
    Signature signature{};
    ::crypto_sign_detached(signature.data(), nullptr,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                           secret_.data());
    return signature;
}

Result<PublicKey> read_public_key(os::FileSystem& fs, const std::string& path) {
    if (!is_ready()) return fail(no_library());
    const auto text = os::read_text(fs, path, k_key_file_bytes_max);
    if (!text) return fail(text.error());
    const auto bytes = from_pem(*text, k_public_label, k_public_prefix);
    if (bytes.empty()) {
        return fail(Errc::invalid_argument, "not an Ed25519 public key in PEM:", path,
                    "give the public key, the file that ends in .pub");
    }
    PublicKey key;
    std::ranges::copy(bytes, key.bytes.begin());
    return key;
}

Result<void> write_public_key(os::FileSystem& fs, const std::string& path, const PublicKey& key) {
    constexpr std::uint32_t k_everybody = 0644;
    return write_new(fs, path, k_everybody, to_pem(k_public_label, k_public_prefix, key.bytes));
}

bool is_signed_by(const PublicKey& key, std::string_view text, const Signature& signature) {
    return is_ready() && ::crypto_sign_verify_detached(
                             signature.data(), reinterpret_cast<const unsigned char*>(text.data()),
                             text.size(), key.bytes.data()) == 0;
}

}  // namespace larder::internal::remote
