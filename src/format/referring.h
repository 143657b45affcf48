// The beginning of an object that holds what a compiler made of a model, and refers to the model's
// own bytes: how both make up a blob. The grammar is in docs/format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

// The part of a model that is referred to.
enum class ReferredKind {
    file,      // one of its files; the digest is computed like an object's
    constant,  // the bytes of a constant, in any place; the digest is that of these bytes
};

struct Referred {
    ReferredKind kind = ReferredKind::file;
    Digest digest;
    std::uint64_t bytes = 0;

    bool operator==(const Referred&) const = default;
};

struct ReferringPiece {
    std::uint32_t source = 0;  // 0: the object itself; otherwise the number of a Referred plus one
    std::uint64_t offset = 0;  // in the source
    std::uint64_t bytes = 0;

    bool operator==(const ReferringPiece&) const = default;
};

struct Referring {
    std::uint64_t blob_bytes = 0;
    std::vector<Referred> referred;
    std::vector<ReferringPiece> pieces;  // concatenated, they are the blob

    bool operator==(const Referring&) const = default;
    // The bytes of the blob that are in referred sources.
    [[nodiscard]] std::uint64_t referred_bytes() const;
};

// Limits of the table: each piece may be a mapping of its own, of which a process can have 65,530.
inline constexpr std::size_t k_referring_pieces_max = 8192;
inline constexpr std::size_t k_referred_max = 4096;

[[nodiscard]] constexpr std::uint64_t referring_table_bytes(std::size_t referred,
                                                            std::size_t pieces) {
    return 48 + referred * 48 + pieces * 24;
}
inline constexpr std::uint64_t k_referring_table_bytes_max =
    referring_table_bytes(k_referred_max, k_referring_pieces_max);

// Returns the first bytes of the object. `referring` must be one that decode_referring accepts.
[[nodiscard]] std::vector<std::byte> encode_referring(const Referring& referring);

// Reads the first bytes of an object of `object_bytes`: all of them, or as many as
// k_referring_table_bytes_max. Errc::unsupported for a newer version, Errc::damaged for everything
// that encode_referring does not write, or whose pieces do not lie within their sources.
[[nodiscard]] Result<Referring> decode_referring(std::span<const std::byte> beginning,
                                                 std::uint64_t object_bytes);

}  // namespace larder::internal::format
