// Signatures of entries: a compiled model is code, and who puts it into a shared storage decides
// what other machines run. Ed25519 of libsodium (https://doc.libsodium.org); keys are in PEM,
// PKCS#8 and SubjectPublicKeyInfo (RFC 8410), as `openssl genpkey -algorithm ed25519` writes them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::remote {

struct PublicKey {
    static constexpr std::size_t k_size_bytes = 32;

    std::array<std::uint8_t, k_size_bytes> bytes{};

    auto operator<=>(const PublicKey&) const = default;
    // 64 lower-case hexadecimal characters: the name of the key.
    [[nodiscard]] std::string hex() const;
};

using Signature = std::array<std::uint8_t, 64>;

// Wiped when it is gone. Never printed.
class SigningKey {
public:
    SigningKey(SigningKey&&) noexcept;
    SigningKey(const SigningKey&) = delete;
    SigningKey& operator=(const SigningKey&) = delete;
    SigningKey& operator=(SigningKey&&) = delete;
    ~SigningKey();

    [[nodiscard]] static Result<SigningKey> generate();
    // From PEM. Errc::permission_denied where others than its owner can read the file.
    [[nodiscard]] static Result<SigningKey> read(os::FileSystem& fs, const std::string& path);
    // To a new file that its owner alone can read. Errc::already_exists.
    [[nodiscard]] Result<void> write(os::FileSystem& fs, const std::string& path) const;

    [[nodiscard]] PublicKey public_key() const;
    [[nodiscard]] Signature sign(std::string_view text) const;

private:
    static constexpr std::size_t k_secret_bytes = 64;

    SigningKey() = default;
    [[nodiscard]] static Result<SigningKey> from_seed(std::span<const std::uint8_t> seed);

    std::array<std::uint8_t, k_secret_bytes> secret_{};
};

[[nodiscard]] Result<PublicKey> read_public_key(os::FileSystem& fs, const std::string& path);
[[nodiscard]] Result<void> write_public_key(os::FileSystem& fs, const std::string& path,
                                            const PublicKey& key);

[[nodiscard]] bool is_signed_by(const PublicKey& key, std::string_view text,
                                const Signature& signature);

}  // namespace larder::internal::remote
