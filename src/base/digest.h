// BLAKE3 digests. Source: the official C implementation, https://github.com/BLAKE3-team/BLAKE3.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace larder::internal {

// 256 bits of BLAKE3 output. Ordered and hashable, so that it can be a map's key.
struct Digest {
    static constexpr std::size_t k_size_bytes = 32;

    std::array<std::uint8_t, k_size_bytes> bytes{};

    auto operator<=>(const Digest&) const = default;

    // Returns 64 lower-case hexadecimal characters.
    [[nodiscard]] std::string hex() const;

    // Errc::invalid_argument unless `text` is exactly 64 lower-case hexadecimal characters.
    [[nodiscard]] static Result<Digest> from_hex(std::string_view text);
};

// Incremental hashing. Not thread-safe: one hasher, one thread.
class Hasher {
public:
    Hasher();
    // Domain-separated: two contexts never give the same digest for the same bytes (BLAKE3's
    // derive_key mode). `context` is a hard-coded string, such as "larder key 1".
    explicit Hasher(std::string_view context);
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;
    ~Hasher();

    Hasher& update(std::span<const std::byte> bytes);
    // Hashes the length first, then the bytes: sequences of strings hash unambiguously.
    Hasher& update_field(std::string_view text);
    // Little-endian, 8 bytes.
    Hasher& update_u64(std::uint64_t value);

    [[nodiscard]] Digest finish() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] Digest hash_bytes(std::span<const std::byte> bytes);

// The digest of an object or of a file's content: each fixed-size chunk is hashed separately, in
// any order and by any number of threads, and `combine_chunks` hashes the list of their digests.
// The size is included, so that neither truncation nor extension can go unnoticed.
inline constexpr std::uint64_t k_chunk_size_bytes = std::uint64_t{4} << 20;
[[nodiscard]] Digest combine_chunks(std::uint64_t total_bytes, std::span<const Digest> chunks);
// Returns the number of chunks of content of `total_bytes`; 0 for empty content.
[[nodiscard]] constexpr std::uint64_t chunk_count(std::uint64_t total_bytes) {
    return total_bytes / k_chunk_size_bytes + (total_bytes % k_chunk_size_bytes != 0 ? 1 : 0);
}
// Applies combine_chunks to the chunks of `bytes`; single-threaded.
[[nodiscard]] Digest hash_chunked(std::span<const std::byte> bytes);

}  // namespace larder::internal

template <>
struct std::hash<larder::internal::Digest> {
    std::size_t operator()(const larder::internal::Digest& digest) const noexcept;
};
