// Tables of referring entries: an accepted table is encoded again to the same bytes, and points
// nowhere outside the object and the referred contents.
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "format/referring.h"
#include "fuzz_target.h"

namespace {

using namespace larder::internal;

constexpr std::uint64_t k_object_bytes = 100'000;

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto referring = format::decode_referring(bytes, k_object_bytes);
    if (!referring) return 0;
    const auto again = format::encode_referring(*referring);
    require_beginning(bytes, again);
    std::uint64_t total = 0;
    std::uint64_t shared = 0;
    for (const auto& piece : referring->pieces) {
        if (piece.source > referring->referred.size()) std::abort();
        const auto end =
            piece.source == 0 ? k_object_bytes : referring->referred[piece.source - 1].bytes;
        if (piece.bytes > end || piece.offset > end - piece.bytes) std::abort();
        // A piece must not lie in the table.
        if (piece.source == 0 && piece.offset < again.size()) std::abort();
        total += piece.bytes;
        if (piece.source == 0) continue;
        const auto kind = referring->referred[piece.source - 1].kind;
        shared += kind == format::ReferredKind::object ? piece.bytes : 0;
    }
    if (total != referring->blob_bytes || shared != referring->shared_bytes()) std::abort();
    if (referring->start_in_page >= format::k_referring_page_bytes) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    using format::ReferredKind;
    format::Referring referring;
    std::vector<std::string> seeds;
    for (const auto kind : {ReferredKind::file, ReferredKind::constant, ReferredKind::object}) {
        const auto table = format::encode_referring(referring);
        seeds.emplace_back(reinterpret_cast<const char*>(table.data()), table.size());
        referring.referred.push_back({kind, {}, 5'000});
        const auto source = static_cast<std::uint32_t>(referring.referred.size());
        referring.pieces.push_back({0, 4'096, 2'000});
        referring.pieces.push_back({source, 1'000, 3'000});
        referring.blob_bytes += 5'000;
        referring.start_in_page += format::k_referring_alignment_bytes;
    }
    return seeds;
}
