// Tables of variants: an accepted table is encoded again to the same bytes, and points nowhere
// outside the two objects.
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "format/variant.h"
#include "fuzz_target.h"

namespace {

using namespace larder::internal;

constexpr std::uint64_t k_object_bytes = 100'000;

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto variant = format::decode_variant(bytes, k_object_bytes);
    if (!variant) return 0;
    const auto again = format::encode_variant(*variant);
    if (again.size() > size || std::memcmp(again.data(), data, again.size()) != 0) std::abort();
    std::uint64_t total = 0;
    for (const auto& segment : variant->segments) {
        const bool is_base = segment.source == format::SegmentSource::base;
        const auto end = is_base ? variant->base_bytes : k_object_bytes;
        if (segment.bytes > end || segment.offset > end - segment.bytes) std::abort();
        total += segment.bytes;
    }
    if (total != variant->blob_bytes) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    using format::SegmentSource;
    format::Variant variant;
    variant.base_bytes = 5'000;
    variant.start_in_page = 64;
    std::vector<std::string> seeds;
    for (const std::uint64_t bytes : {0U, 1U, 2'000U}) {
        const auto table = format::encode_variant(variant);
        seeds.emplace_back(reinterpret_cast<const char*>(table.data()), table.size());
        variant.segments.push_back({SegmentSource::own, 4'096, bytes + 1});
        variant.segments.push_back({SegmentSource::base, bytes, 3'000});
        variant.blob_bytes += bytes + 3'001;
    }
    return seeds;
}
