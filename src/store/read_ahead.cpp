#include "store/read_ahead.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/digest.h"

namespace larder::internal::store {
namespace {

// Enough to keep a disk busy, little enough that whoever else needs it now hardly waits.
constexpr std::uint64_t k_in_flight_bytes = std::uint64_t{8} << 20;

}  // namespace

Result<AheadRead> read_ahead(const Context& context, const Digest& object,
                             const AheadOptions& options, const std::function<Continue()>& step) {
    const auto file = context.fs().open(context.layout.object(object), os::OpenMode::read);
    if (!file) return fail(file.error());
    const auto started_at_ns = context.system.clock.wall().count();
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    const auto& stamp = info->stamp;
    const auto size = std::min(stamp.size_bytes, options.bytes_max);
    const bool verifies = options.how == Reading::verifying && size == stamp.size_bytes;
    // It is never touched: only it can say what is wanted next.
    const auto mapping = context.fs().map(**file, stamp.size_bytes);
    if (!mapping) return fail(mapping.error());

    AheadRead read;
    std::vector<Digest> chunks;
    const auto buffer =
        std::make_unique_for_overwrite<std::byte[]>(verifies ? k_chunk_size_bytes : 1);
    for (std::uint64_t offset = 0, asked = 0; offset < size; offset += k_chunk_size_bytes) {
        if (step() == Continue::no) return read;
        const auto end = std::min(size, offset + k_chunk_size_bytes);
        const auto ahead = std::min(size, end + k_in_flight_bytes);
        (*mapping)->read_ahead(asked, ahead - asked);
        asked = ahead;
        // The last byte of a chunk is waited for, so that the disk sets the pace.
        const std::span bytes(buffer.get(), verifies ? end - offset : 1);
        if (auto done = (*file)->read_at(end - bytes.size(), bytes); !done) {
            return fail(done.error());
        }
        if (verifies) chunks.push_back(hash_bytes(bytes));
        read.bytes = end;
    }
    read.complete = true;
    if (!verifies || combine_chunks(size, chunks) != object) return read;
    const auto after = (*file)->info();
    if (after && after->stamp == stamp && os::is_settled(stamp, started_at_ns)) {
        read.verified = stamp;
    }
    return read;
}

}  // namespace larder::internal::store
