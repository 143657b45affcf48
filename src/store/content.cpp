#include "store/content.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "base/parallel.h"

namespace larder::internal::store {
namespace {

// Below this, starting a thread costs more than it brings.
constexpr std::uint64_t k_parallel_bytes_min = std::uint64_t{16} << 20;
// What a thread must have to do to be worth its start and its buffer.
constexpr std::uint64_t k_reader_chunks_min = 2;
// The list of chunk digests must fit into memory, also of a sparse file that states to be huge.
constexpr std::uint64_t k_file_bytes_max = std::uint64_t{1} << 45;

// One contiguous part of a file for each reader, in order, through an open file of its own: that is
// what the kernel reads ahead of, in ever larger folios and requests. Readers that take turns in
// one part, or through one open file, get small ones, which are slower and cost more CPU.
class Stripe {
public:
    void assign(std::uint64_t first, std::uint64_t end) {
        next_ = first;
        end_ = end;
    }
    // The chunk to be read next, also by somebody who is done with the own stripe.
    std::optional<std::uint64_t> take() {
        const auto chunk = next_.fetch_add(1);
        return chunk < end_ ? std::optional(chunk) : std::nullopt;
    }

private:
    std::atomic<std::uint64_t> next_{0};
    std::uint64_t end_ = 0;
};

// Nothing where there is none to be had: readers that share one are slower, and as right.
std::unique_ptr<os::File> reopened(os::File& file) {
    auto again = file.reopen();
    return again ? std::move(*again) : nullptr;
}

}  // namespace

Result<ContentDigest> hash_file(os::File& file, std::uint64_t size_bytes, unsigned threads,
                                const ChunkVisitor& visit) {
    if (size_bytes > k_file_bytes_max) {
        return fail(Errc::unsupported, "too large to be read:", file.path());
    }
    ContentDigest content;
    content.chunks.resize(chunk_count(size_bytes));
    const std::uint64_t chunks = content.chunks.size();
    const auto readers = size_bytes < k_parallel_bytes_min
                             ? std::uint64_t{1}
                             : std::clamp<std::uint64_t>(threads, 1, chunks / k_reader_chunks_min);
    std::vector<Stripe> stripes(readers);
    // All are made here: no thread may run out of memory.
    std::vector<std::unique_ptr<std::byte[]>> buffers(readers);
    std::vector<std::unique_ptr<os::File>> files(readers);
    for (std::uint64_t i = 0; i < readers; ++i) {
        stripes[i].assign(chunks * i / readers, chunks * (i + 1) / readers);
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
        for (std::uint64_t i = 0; i < readers; ++i) {
            auto& stripe = stripes[(reader + i) % readers];
            for (auto chunk = stripe.take(); chunk && !failed; chunk = stripe.take()) {
                if (auto done = read_chunk(from, *chunk, buffers[reader].get()); !done) {
                    failed = true;
                    return done;
                }
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
