#include "format/compressed.h"

#include <array>
#include <cstring>
#include <limits>

#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::array<char, 8> k_compressed_magic = {'L', 'A', 'R', 'D', 'C', 'O', 'M', 'P'};
constexpr std::uint64_t k_compressed_version = 1;
constexpr std::uint64_t k_blob_bytes_max = std::numeric_limits<std::int64_t>::max();
constexpr std::array k_methods = {FrameMethod::stored, FrameMethod::zstd,
                                  FrameMethod::shuffled_by_2_zstd, FrameMethod::shuffled_by_4_zstd};

std::uint64_t to_number(FrameMethod method) {
    const auto* const found = std::find(k_methods.begin(), k_methods.end(), method);
    return static_cast<std::uint64_t>(found - k_methods.begin());
}

// A compressed frame must be smaller than the original; otherwise it is stored.
bool is_length_of(const Frame& frame, std::uint64_t original_bytes) {
    if (frame.method == FrameMethod::stored) return frame.bytes == original_bytes;
    return frame.bytes > 0 && frame.bytes < original_bytes;
}

}  // namespace

std::vector<std::byte> encode_compressed(const Compressed& compressed) {
    const auto magic = std::as_bytes(std::span(k_compressed_magic));
    std::vector<std::byte> bytes(magic.begin(), magic.end());
    bytes.reserve(compressed_table_bytes(compressed.frames.size()));
    append_u64(bytes, k_compressed_version);
    append_u64(bytes, compressed.blob_bytes);
    const auto digest = std::as_bytes(std::span(compressed.blob.bytes));
    bytes.insert(bytes.end(), digest.begin(), digest.end());
    append_u64(bytes, k_frame_bytes);
    append_u64(bytes, compressed.frames.size());
    for (const auto& frame : compressed.frames) {
        append_u64(bytes, to_number(frame.method));
        append_u64(bytes, frame.offset);
        append_u64(bytes, frame.bytes);
    }
    return bytes;
}

Result<Compressed> decode_compressed(std::span<const std::byte> beginning,
                                     std::uint64_t object_bytes) {
    const auto damaged = [](const char* what) { return fail(Errc::damaged, what); };
    if (beginning.size() < compressed_table_bytes(0) ||
        std::memcmp(beginning.data(), k_compressed_magic.data(), k_compressed_magic.size()) != 0) {
        return damaged("not a compressed blob");
    }
    if (read_u64(beginning, 8) > k_compressed_version) {
        return fail(Errc::unsupported, "a blob that a newer larder compressed");
    }
    Compressed compressed;
    compressed.blob_bytes = read_u64(beginning, 16);
    std::memcpy(compressed.blob.bytes.data(), beginning.data() + 24, Digest::k_size_bytes);
    const auto count = read_u64(beginning, 64);
    if (read_u64(beginning, 8) != k_compressed_version ||
        compressed.blob_bytes > k_blob_bytes_max || read_u64(beginning, 56) != k_frame_bytes ||
        count != frame_count(compressed.blob_bytes) ||
        compressed_table_bytes(count) > std::min<std::uint64_t>(beginning.size(), object_bytes)) {
        return damaged("a compressed blob with a wrong header");
    }
    compressed.frames.reserve(count);
    auto end = compressed_table_bytes(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto at = compressed_table_bytes(i);
        const auto method = read_u64(beginning, at);
        if (method >= k_methods.size()) return damaged("a compressed blob with an unknown method");
        const Frame frame{k_methods[method], read_u64(beginning, at + 8),
                          read_u64(beginning, at + 16)};
        if (frame.offset != end || frame.bytes > object_bytes - end ||
            !is_length_of(frame, frame_bytes(compressed.blob_bytes, i))) {
            return damaged("a compressed blob with a frame outside of the file");
        }
        end += frame.bytes;
        compressed.frames.push_back(frame);
    }
    if (end != object_bytes) return damaged("a compressed blob with more than its frames");
    return compressed;
}

}  // namespace larder::internal::format
