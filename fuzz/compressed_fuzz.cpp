// Tables of compressed blobs: an accepted table is encoded again to the same bytes, and its frames
// cover the whole object behind the table.
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "format/compressed.h"
#include "fuzz_target.h"

namespace {

using namespace larder::internal;

// The length in the seeds; the frames of a mutation are compared with it.
constexpr std::uint64_t k_object_bytes = 100'000;

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto compressed = format::decode_compressed(bytes, k_object_bytes);
    if (!compressed) return 0;
    const auto again = format::encode_compressed(*compressed);
    require_beginning(bytes, again);
    const auto& frames = compressed->frames;
    if (frames.size() != format::frame_count(compressed->blob_bytes)) std::abort();
    auto end = format::compressed_table_bytes(frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto& frame = frames[i];
        if (frame.offset != end || frame.bytes > k_object_bytes - end) std::abort();
        if (frame.bytes > format::frame_bytes(compressed->blob_bytes, i)) std::abort();
        end += frame.bytes;
    }
    if (end != k_object_bytes) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    using format::FrameMethod;
    std::vector<std::string> seeds;
    for (const std::uint64_t frames : {1U, 2U, 4U}) {
        format::Compressed compressed;
        auto end = format::compressed_table_bytes(frames);
        const auto each = (k_object_bytes - end) / frames;
        for (std::uint64_t i = 1; i < frames; ++i) {
            compressed.frames.push_back({FrameMethod::shuffled_by_4_zstd, end, each});
            end += each;
        }
        // The last one is shorter, and stored.
        compressed.frames.push_back({FrameMethod::stored, end, k_object_bytes - end});
        compressed.blob_bytes = (frames - 1) * format::k_frame_bytes + k_object_bytes - end;
        const auto table = format::encode_compressed(compressed);
        seeds.emplace_back(reinterpret_cast<const char*>(table.data()), table.size());
    }
    return seeds;
}
