#include "store/read_ahead.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "store/variant.h"

namespace larder::internal::store {
namespace {

// Enough to keep a disk busy, little enough that whoever else needs it now hardly waits.
constexpr std::uint64_t k_step_bytes = std::uint64_t{4} << 20;

Result<std::uint64_t> read_file(const Context& context, os::File& file, std::uint64_t bytes,
                                std::uint64_t bytes_max, const std::function<Continue()>& step) {
    // It is never touched: it only tells what is there already.
    const auto mapping = context.fs().map(file, bytes);
    if (!mapping) return fail(mapping.error());
    const auto size = std::min(bytes, bytes_max);
    std::uint64_t read = 0;
    while (read < size && step() == Continue::yes) {
        const auto count = std::min(k_step_bytes, size - read);
        if (!(*mapping)->is_cached(read, count)) file.read_ahead(read, count);
        // Reading ahead says nothing of what it could not read.
        std::byte last{};
        if (auto done = file.read_at(read + count - 1, std::span(&last, 1)); !done) {
            return fail(done.error());
        }
        read += count;
    }
    return read;
}

}  // namespace

Result<std::uint64_t> read_ahead(const Context& context, const Digest& object,
                                 std::uint64_t bytes_max, const std::function<Continue()>& step) {
    const auto file = context.fs().open(context.layout.object(object), os::OpenMode::read);
    if (!file) return fail(file.error());
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    const auto bytes = info->stamp.size_bytes;
    auto read = read_file(context, **file, bytes, bytes_max, step);
    if (!read || *read < bytes || bytes_max == bytes || step() == Continue::no) return read;
    const auto variant = read_variant(**file, bytes);
    if (!variant) return read;
    const auto base = context.fs().open(context.layout.object(variant->base), os::OpenMode::read);
    if (!base) return fail(base.error());
    const auto more = read_file(context, **base, variant->base_bytes, bytes_max - bytes, step);
    if (!more) return fail(more.error());
    return *read + *more;
}

}  // namespace larder::internal::store
