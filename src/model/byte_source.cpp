#include "model/byte_source.h"

#include <algorithm>

namespace larder::internal::model {

Result<void> FileSource::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
    return file_.read_at(offset, buffer);
}

Result<void> MemorySource::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset > bytes_.size() || buffer.size() > bytes_.size() - offset) {
        return fail(Errc::damaged, "file is too short");
    }
    std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), buffer.size()),
                      buffer.begin());
    return {};
}

}  // namespace larder::internal::model
