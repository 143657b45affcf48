#include "store/read_ahead.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/digest.h"

namespace larder::internal::store {
namespace {

// Enough to keep a disk busy, little enough that whoever else needs it now hardly waits.
constexpr std::uint64_t k_in_flight_bytes = std::uint64_t{8} << 20;

}  // namespace

Result<std::uint64_t> read_ahead(const Context& context, const Digest& object,
                                 std::uint64_t bytes_max, const std::function<Continue()>& step) {
    const auto file = context.fs().open(context.layout.object(object), os::OpenMode::read);
    if (!file) return fail(file.error());
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    const auto size = std::min(info->stamp.size_bytes, bytes_max);
    // It is never touched: only it can say what is wanted next.
    const auto mapping = context.fs().map(**file, info->stamp.size_bytes);
    if (!mapping) return fail(mapping.error());

    std::uint64_t read = 0;
    for (std::uint64_t asked = 0; read < size && step() == Continue::yes;) {
        const auto end = std::min(size, read + k_chunk_size_bytes);
        const auto ahead = std::min(size, end + k_in_flight_bytes);
        (*mapping)->read_ahead(asked, ahead - asked);
        asked = ahead;
        // The last byte of a chunk is waited for, so that the disk sets the pace.
        std::byte last{};
        if (auto done = (*file)->read_at(end - 1, std::span(&last, 1)); !done) {
            return fail(done.error());
        }
        read = end;
    }
    return read;
}

}  // namespace larder::internal::store
