#include "cache/pages/scratch.h"

#include <utility>

#include "base/units.h"

namespace larder::internal::cache {
namespace {

constexpr std::uint64_t k_size_bytes_min = std::uint64_t{64} << 20;
// The disk needs room for the blob too, which is as large as the weights, or twice that.
constexpr std::uint64_t k_times_free_min = 4;
constexpr std::string_view k_weights_suffix = ".weights";

}  // namespace

Result<void> ScratchWeights::reserve(std::uint64_t size_bytes) {
    if (size_bytes < k_size_bytes_min) {
        return fail(Errc::unsupported, "too little to move to a file");
    }
    auto file = store_.scratch_file(k_weights_suffix);
    if (!file) return fail(std::move(file.error()));
    const auto space = fs_.space(os::parent_directory(file->path()));
    if (!space) return fail(space.error());
    if (space->locality != os::Locality::local) {
        return fail(Errc::unsupported, "not a disk of this machine:", file->path());
    }
    if (space->available_bytes / k_times_free_min < size_bytes) {
        return fail(Errc::no_space, "no room for " + format_size(size_bytes), file->path());
    }
    file_.emplace(std::move(*file));
    return {};
}

Result<void> ScratchWeights::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (!file_) return fail(Errc::invalid_argument, "nothing was reserved");
    return file_->file().write_at(offset, bytes);
}

Result<runtime::Blob> ScratchWeights::map(std::uint64_t size_bytes) {
    if (!file_) return fail(Errc::invalid_argument, "nothing was reserved");
    auto mapping = fs_.map(file_->file(), size_bytes);
    if (!mapping) return fail(std::move(mapping.error()));
    const auto bytes = (*mapping)->bytes();
    return runtime::Blob{bytes, std::move(*mapping)};
}

}  // namespace larder::internal::cache
