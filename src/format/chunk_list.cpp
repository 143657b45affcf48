#include "format/chunk_list.h"

#include <array>
#include <cstring>

#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::array<char, 8> k_chunk_list_magic = {'L', 'A', 'R', 'D', 'C', 'H', 'N', 'K'};
constexpr std::uint64_t k_chunk_list_version = 1;
constexpr std::size_t k_header_bytes = 40;

}  // namespace

std::vector<std::byte> encode_chunk_list(const ChunkList& list) {
    std::vector<std::byte> bytes;
    bytes.reserve(chunk_list_bytes(list.total_bytes));
    const auto magic = std::as_bytes(std::span(k_chunk_list_magic));
    bytes.insert(bytes.end(), magic.begin(), magic.end());
    append_u64(bytes, k_chunk_list_version);
    append_u64(bytes, k_chunk_size_bytes);
    append_u64(bytes, list.total_bytes);
    append_u64(bytes, list.chunks.size());
    for (const auto& chunk : list.chunks) {
        const auto digest = std::as_bytes(std::span(chunk.bytes));
        bytes.insert(bytes.end(), digest.begin(), digest.end());
    }
    return bytes;
}

Result<ChunkList> decode_chunk_list(std::span<const std::byte> bytes, const Digest& object) {
    const auto damaged = [](const char* what) { return fail(Errc::damaged, what); };
    if (bytes.size() < k_header_bytes ||
        std::memcmp(bytes.data(), k_chunk_list_magic.data(), k_chunk_list_magic.size()) != 0) {
        return damaged("not a chunk list");
    }
    if (read_u64(bytes, 8) > k_chunk_list_version) {
        return fail(Errc::unsupported, "chunk list of a newer larder");
    }
    ChunkList list;
    list.total_bytes = read_u64(bytes, 24);
    const auto count = read_u64(bytes, 32);
    const auto digests = bytes.subspan(k_header_bytes);
    if (read_u64(bytes, 8) != k_chunk_list_version || read_u64(bytes, 16) != k_chunk_size_bytes ||
        count != chunk_count(list.total_bytes) || digests.size() % Digest::k_size_bytes != 0 ||
        digests.size() / Digest::k_size_bytes != count) {
        return damaged("chunk list with a wrong header");
    }
    list.chunks.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(list.chunks[i].bytes.data(), digests.data() + i * Digest::k_size_bytes,
                    Digest::k_size_bytes);
    }
    if (combine_chunks(list.total_bytes, list.chunks) != object) {
        return damaged("chunk list of another object");
    }
    return list;
}

}  // namespace larder::internal::format
