#include "store/content.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>

#include "base/parallel.h"

namespace larder::internal::store {
namespace {

// Below this, starting a thread costs more than it brings.
constexpr std::uint64_t k_parallel_bytes_min = std::uint64_t{16} << 20;

}  // namespace

Result<ContentDigest> hash_file(os::File& file, std::uint64_t size_bytes, unsigned threads,
                                const ChunkVisitor& visit) {
    ContentDigest content;
    content.chunks.resize(chunk_count(size_bytes));
    std::atomic<std::uint64_t> next{0};
    std::atomic<bool> failed{false};
    // One call for each thread and not for each chunk, so that each has a buffer of its own.
    const auto work = [&](std::uint64_t) -> Result<void> {
        const auto buffer_bytes = std::min(size_bytes, k_chunk_size_bytes);
        const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
        for (auto i = next.fetch_add(1); i < content.chunks.size() && !failed;
             i = next.fetch_add(1)) {
            const auto offset = i * k_chunk_size_bytes;
            const std::span bytes(buffer.get(), std::min(k_chunk_size_bytes, size_bytes - offset));
            auto done = file.read_at(offset, bytes);
            if (done && visit) done = visit(offset, bytes);
            if (!done) {
                failed = true;
                return done;
            }
            content.chunks[i] = hash_bytes(bytes);
        }
        return {};
    };
    const auto wanted = size_bytes < k_parallel_bytes_min ? 1U : std::max(threads, 1U);
    if (auto read = parallel_for(wanted, wanted, work); !read) return fail(std::move(read.error()));
    content.digest = combine_chunks(size_bytes, content.chunks);
    return content;
}

Result<void> copy_file(os::File& file, std::uint64_t size_bytes, const ChunkVisitor& write) {
    const auto buffer_bytes = std::min(size_bytes, k_chunk_size_bytes);
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
    for (std::uint64_t offset = 0; offset < size_bytes; offset += k_chunk_size_bytes) {
        const std::span bytes(buffer.get(), std::min(k_chunk_size_bytes, size_bytes - offset));
        if (auto done = file.read_at(offset, bytes); !done) return done;
        if (auto done = write(offset, bytes); !done) return done;
    }
    return {};
}

}  // namespace larder::internal::store
