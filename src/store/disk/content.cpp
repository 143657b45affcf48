#include "store/disk/content.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "store/disk/stripes.h"

namespace larder::internal::store {
namespace {

// For fewer bytes, starting a thread costs more than it gains.
constexpr std::uint64_t k_parallel_bytes_min = std::uint64_t{16} << 20;
// A thread must read this many chunks to be worth its start and its buffer.
constexpr std::uint64_t k_reader_chunks_min = 2;
// The list of chunk digests must fit into memory, even for a sparse file that claims to be huge.
constexpr std::uint64_t k_file_bytes_max = std::uint64_t{1} << 45;

}  // namespace

Result<ContentDigest> hash_file(os::File& file, std::uint64_t size_bytes, unsigned threads,
                                const ChunkVisitor& visit, const KnownChunks& known) {
    if (size_bytes > k_file_bytes_max) {
        return fail(Errc::unsupported, "too large to be read:", file.path());
    }
    ContentDigest content;
    content.chunks.resize(chunk_count(size_bytes));
    std::vector<std::uint64_t> unknown;
    for (std::uint64_t chunk = 0; chunk < content.chunks.size(); ++chunk) {
        if (chunk < known.size() && known[chunk]) {
            content.chunks[chunk] = *known[chunk];
        } else {
            unknown.push_back(chunk);
        }
    }
    const auto readers =
        unknown.size() * k_chunk_size_bytes < k_parallel_bytes_min
            ? std::uint64_t{1}
            : std::clamp<std::uint64_t>(threads, 1, unknown.size() / k_reader_chunks_min);
    Stripes stripes(unknown.size(), readers);
    // All buffers are allocated here, so that no thread can run out of memory.
    std::vector<std::unique_ptr<std::byte[]>> buffers(readers);
    std::vector<std::unique_ptr<os::File>> files(readers);
    for (std::uint64_t i = 0; i < readers; ++i) {
        if (i > 0) files[i] = reopened(file);
        buffers[i] =
            std::make_unique_for_overwrite<std::byte[]>(std::min(size_bytes, k_chunk_size_bytes));
    }
    std::atomic<bool> failed{false};
    const auto read_chunk = [&](os::File& from, std::uint64_t chunk, std::byte* buffer) {
        const auto offset = chunk * k_chunk_size_bytes;
        const std::span bytes(buffer, std::min(k_chunk_size_bytes, size_bytes - offset));
        auto done = from.read_at(offset, bytes);
        if (done && visit) done = visit(offset, bytes);
        if (done) content.chunks[chunk] = hash_bytes(bytes);
        return done;
    };
    const auto work = [&](std::uint64_t reader) -> Result<void> {
        os::File& from = files[reader] ? *files[reader] : file;
        for (auto next = stripes.take(reader); next && !failed; next = stripes.take(reader)) {
            if (auto done = read_chunk(from, unknown[*next], buffers[reader].get()); !done) {
                failed = true;
                return done;
            }
        }
        return {};
    };
    auto read = parallel_for(readers, static_cast<unsigned>(readers), work);
    if (!read) return fail(std::move(read.error()));
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
