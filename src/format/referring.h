// The beginning of an object that holds what a compiler made of a model, but neither the model's
// own bytes nor what another object has: how all of them make up a blob. The grammar is in
// docs/format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

// The kind of bytes that a piece refers to.
enum class ReferredKind {
    file,      // a file of the model: the digest as of an object
    constant,  // the bytes of a constant, wherever the program has them: the same digest of these
    object,    // another object of the larder, which the entry names, too
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
    // How far behind the beginning of a page the blob begins where it is mapped: less than
    // k_referring_page_bytes, a multiple of k_referring_alignment_bytes.
    std::uint64_t start_in_page = 0;
    std::vector<ReferringPiece> pieces;  // one after the other they are the blob

    bool operator==(const Referring&) const = default;
    // Of the blob, in other objects.
    [[nodiscard]] std::uint64_t shared_bytes() const;
};

// Limits of the table: each piece may be a mapping of its own, of which a process can have 65,530.
inline constexpr std::size_t k_referring_pieces_max = 8192;
inline constexpr std::size_t k_referred_max = 4096;
// Of the smallest pages that there are; and what plugins align constants in a blob to.
inline constexpr std::uint64_t k_referring_page_bytes = 4096;
inline constexpr std::uint64_t k_referring_alignment_bytes = 64;

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
