// Chunk lists: any bytes, read as the list of a matching object.
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "format/chunk_list.h"
#include "fuzz_target.h"

namespace {

using namespace larder::internal;

// No fuzzer finds a digest: so the object's name is computed from the list.
Digest object_of(std::span<const std::byte> bytes) {
    constexpr std::size_t k_header_bytes = 40;
    if (bytes.size() < k_header_bytes) return {};
    std::uint64_t total_bytes = 0;
    for (std::size_t i = 8; i-- > 0;) {
        total_bytes = total_bytes << 8 | static_cast<std::uint64_t>(bytes[24 + i]);
    }
    std::vector<Digest> chunks((bytes.size() - k_header_bytes) / Digest::k_size_bytes);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        std::memcpy(chunks[i].bytes.data(),
                    bytes.data() + k_header_bytes + i * Digest::k_size_bytes, Digest::k_size_bytes);
    }
    return combine_chunks(total_bytes, chunks);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto list = format::decode_chunk_list(bytes, object_of(bytes));
    if (!list) return 0;
    const auto again = format::encode_chunk_list(*list);
    if (again.size() != size || std::memcmp(again.data(), data, size) != 0) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    std::vector<std::string> seeds;
    for (const std::uint64_t total : {std::uint64_t{0}, 3 * k_chunk_size_bytes - 1}) {
        const auto bytes =
            format::encode_chunk_list({total, std::vector<Digest>(chunk_count(total))});
        seeds.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    return seeds;
}
