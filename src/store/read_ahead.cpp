#include "store/read_ahead.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace larder::internal::store {
namespace {

// Enough to keep a disk busy, little enough that whoever else needs it now hardly waits.
constexpr std::uint64_t k_step_bytes = std::uint64_t{4} << 20;

}  // namespace

Result<std::uint64_t> read_ahead(const Context& context, const Digest& object,
                                 std::uint64_t bytes_max, const std::function<Continue()>& step) {
    const auto file = context.fs().open(context.layout.object(object), os::OpenMode::read);
    if (!file) return fail(file.error());
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    const auto size = std::min(info->stamp.size_bytes, bytes_max);
    // It is never touched: it only tells what is there already.
    const auto mapping = context.fs().map(**file, info->stamp.size_bytes);
    if (!mapping) return fail(mapping.error());
    std::uint64_t read = 0;
    while (read < size && step() == Continue::yes) {
        const auto bytes = std::min(k_step_bytes, size - read);
        if (!(*mapping)->is_cached(read, bytes)) (*file)->read_ahead(read, bytes);
        // Reading ahead says nothing of what it could not read.
        std::byte last{};
        if (auto done = (*file)->read_at(read + bytes - 1, std::span(&last, 1)); !done) {
            return fail(done.error());
        }
        read += bytes;
    }
    return read;
}

}  // namespace larder::internal::store
