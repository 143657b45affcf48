#include "store/compression/packing.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/parallel.h"
#include "format/chunk_list.h"
#include "store/compression/compressed_object.h"
#include "store/compression/frame_codec.h"

namespace larder::internal::store {
namespace {

using format::frame_bytes;
using format::frame_count;
using format::k_frame_bytes;

// The block size of file systems.
constexpr std::uint64_t k_block_bytes = 4096;
// More than one, because some frames take longer to compress than others.
constexpr std::uint64_t k_frames_per_thread = 2;

std::uint64_t in_blocks(std::uint64_t bytes) {
    return (bytes + k_block_bytes - 1) / k_block_bytes * k_block_bytes;
}

std::span<const std::byte> frame_of(std::span<const std::byte> blob, std::uint64_t frame) {
    return blob.subspan(frame * k_frame_bytes, frame_bytes(blob.size(), frame));
}

Result<void> for_each_frame(
    std::uint64_t frames, unsigned threads,
    const std::function<Result<void>(FramePacker& packer, std::uint64_t frame)>& work) {
    const auto stripes = std::clamp<std::uint64_t>(threads, 1, std::max<std::uint64_t>(frames, 1));
    return parallel_for(stripes, threads, [&](std::uint64_t stripe) -> Result<void> {
        FramePacker packer;
        for (auto i = frames * stripe / stripes; i < frames * (stripe + 1) / stripes; ++i) {
            if (auto done = work(packer, i); !done) return done;
        }
        return {};
    });
}

}  // namespace

Result<PackingPlan> plan_packing(std::span<const std::byte> blob, unsigned threads) {
    const auto frames = frame_count(blob.size());
    std::vector<MethodChoice> choices(frames);
    auto chosen = for_each_frame(frames, threads, [&](FramePacker& packer, std::uint64_t i) {
        const auto choice = packer.choose(frame_of(blob, i));
        if (choice) choices[i] = *choice;
        return choice ? Result<void>{} : Result<void>(fail(choice.error()));
    });
    if (!chosen) return fail(std::move(chosen.error()));
    PackingPlan plan;
    plan.estimated_bytes = format::compressed_table_bytes(frames);
    for (const auto& choice : choices) {
        plan.methods.push_back(choice.method);
        plan.estimated_bytes += choice.estimated_bytes;
    }
    return plan;
}

Result<std::uint64_t> measure_packed(std::span<const std::byte> blob, const PackingPlan& plan,
                                     unsigned threads) {
    const auto frames = frame_count(blob.size());
    std::atomic<std::uint64_t> bytes{format::compressed_table_bytes(frames)};
    auto done = for_each_frame(frames, threads, [&](FramePacker& packer, std::uint64_t i) {
        const auto packed = packer.pack(frame_of(blob, i), plan.methods[i]);
        if (packed) bytes += packed->bytes.size();
        return packed ? Result<void>{} : Result<void>(fail(packed.error()));
    });
    if (!done) return fail(std::move(done.error()));
    return bytes.load();
}

std::uint64_t disk_bytes_of(std::uint64_t object_bytes) {
    const bool has_chunk_list = chunk_count(object_bytes) > 1;
    return in_blocks(object_bytes) +
           (has_chunk_list ? in_blocks(format::chunk_list_bytes(object_bytes)) : 0);
}

bool pays(std::uint64_t blob_bytes, std::uint64_t packed_bytes) {
    const auto before = disk_bytes_of(blob_bytes);
    return disk_bytes_of(packed_bytes) <= before - before / 10 && packed_bytes < blob_bytes;
}

std::optional<bool> surely_pays(std::uint64_t blob_bytes, std::uint64_t estimated_bytes) {
    // Bounds the error of a sample, except for blobs that are made to deceive it.
    if (estimated_bytes <= blob_bytes / 4 * 3 && pays(blob_bytes, estimated_bytes)) return true;
    if (estimated_bytes >= blob_bytes - blob_bytes / 32) return false;
    return std::nullopt;
}

Result<Packed> write_packed(std::span<const std::byte> blob, const Digest& digest,
                            const PackingPlan& plan, unsigned threads, StagedFile& file,
                            const std::function<bool(std::uint64_t)>& step) {
    const auto frames = frame_count(blob.size());
    format::Compressed table{blob.size(), digest, {}};
    table.frames.reserve(frames);
    auto end = format::compressed_table_bytes(frames);
    const auto at_once = std::min<std::uint64_t>(frames, k_frames_per_thread * threads);
    std::vector<FramePacker> packers(at_once);
    std::vector<PackedFrame> packed(at_once);
    for (std::uint64_t first = 0; first < frames; first += at_once) {
        const auto count = std::min(at_once, frames - first);
        auto done = parallel_for(count, threads, [&](std::uint64_t i) -> Result<void> {
            auto frame = packers[i].pack(frame_of(blob, first + i), plan.methods[first + i]);
            if (!frame) return fail(std::move(frame.error()));
            packed[i] = *frame;
            return {};
        });
        if (!done) return fail(std::move(done.error()));
        std::uint64_t blob_bytes = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto& frame = packed[i];
            if (auto written = file.write_at(end, frame.bytes); !written) {
                return fail(std::move(written.error()));
            }
            table.frames.push_back({frame.method, end, frame.bytes.size()});
            end += frame.bytes.size();
            blob_bytes += frame_bytes(blob.size(), first + i);
        }
        if (!pays(blob.size(), end)) return Packed::no_gain;
        if (!step(blob_bytes)) return Packed::ended;
    }
    if (!pays(blob.size(), end)) return Packed::no_gain;
    if (auto written = file.write_at(0, format::encode_compressed(table)); !written) {
        return fail(std::move(written.error()));
    }
    return Packed::done;
}

Result<void> check_packed(os::File& file, std::uint64_t object_bytes, std::uint64_t blob_bytes,
                          const Digest& digest, unsigned threads) {
    const auto table = read_frame_table(file, object_bytes, blob_bytes);
    if (!table) return fail(table.error());
    std::vector<Digest> chunks(table->frames.size());
    const auto note = [&](std::uint64_t offset, std::span<const std::byte> bytes) -> Result<void> {
        chunks[offset / k_frame_bytes] = hash_bytes(bytes);
        return {};
    };
    if (auto done = unpack_frames(file, *table, threads, note); !done) return done;
    if (table->blob != digest || combine_chunks(blob_bytes, chunks) != digest) {
        return fail(Errc::damaged, "decompressing it does not restore the original:", file.path());
    }
    return {};
}

}  // namespace larder::internal::store
