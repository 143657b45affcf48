#include "store/compression/compressed_object.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "process/private_memory.h"
#include "store/compression/frame_codec.h"
#include "store/disk/stripes.h"
#include "store/objects/objects.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {
namespace {

using format::FrameMethod;

// Used by one thread.
class FrameReader {
public:
    FrameReader(os::File& file, bool is_first)
        : file_(file), own_(is_first ? nullptr : reopened(file)) {}

    Result<void> read(const format::Frame& frame, std::span<std::byte> target) {
        os::File& file = own_ ? *own_ : file_;
        if (frame.method == FrameMethod::stored) return file.read_at(frame.offset, target);
        const auto packed = packed_.of(frame.bytes);
        if (auto done = file.read_at(frame.offset, packed); !done) return done;
        auto done = unpacker_.unpack({frame.method, packed}, target);
        if (!done) done.error().path = file.path();
        return done;
    }

private:
    os::File& file_;
    std::unique_ptr<os::File> own_;
    FrameBuffer packed_;
    FrameUnpacker unpacker_;
};

using Work = std::function<Result<void>(FrameReader& reader, std::uint64_t frame)>;

// Calls `work` for every frame. Each thread has a reader and a `work` of its own.
Result<void> for_each_frame(os::File& file, std::uint64_t frames, unsigned threads,
                            const std::function<Work()>& make_work) {
    // Decompression is limited by the cores, not by the disk.
    threads = std::min(threads, worker_threads());
    const auto readers = std::clamp<std::uint64_t>(threads, 1, std::max<std::uint64_t>(frames, 1));
    Stripes stripes(frames, readers);
    std::atomic<bool> failed{false};
    return parallel_for(readers, static_cast<unsigned>(readers), [&](std::uint64_t number) {
        FrameReader reader(file, number == 0);
        const auto work = make_work();
        for (auto frame = stripes.take(number); frame && !failed; frame = stripes.take(number)) {
            if (auto done = work(reader, *frame); !done) {
                failed = true;
                return done;
            }
        }
        return Result<void>{};
    });
}

Result<std::shared_ptr<os::Mapping>> unpack_into_memory(os::File& file,
                                                        const format::Compressed& table,
                                                        unsigned threads) {
    auto memory = process::PrivateMemory::reserve(table.blob_bytes);
    if (!memory) return fail(std::move(memory.error()));
    const auto blob = memory->bytes();
    const Work work = [&](FrameReader& reader, std::uint64_t frame) {
        const auto part = blob.subspan(frame * format::k_frame_bytes,
                                       format::frame_bytes(table.blob_bytes, frame));
        process::PrivateMemory::bring_in(part);
        return reader.read(table.frames[frame], part);
    };
    auto unpacked = for_each_frame(file, table.frames.size(), threads, [&] { return Work(work); });
    if (!unpacked) return fail(std::move(unpacked.error()));
    return std::move(*memory).seal();
}

}  // namespace

Result<format::Compressed> read_frame_table(os::File& file, std::uint64_t object_bytes,
                                            std::uint64_t blob_bytes) {
    const auto table_bytes = format::compressed_table_bytes(format::frame_count(blob_bytes));
    std::vector<std::byte> beginning(std::min(object_bytes, table_bytes));
    if (auto read = file.read_at(0, beginning); !read) return fail(std::move(read.error()));
    auto table = format::decode_compressed(beginning, object_bytes);
    if (table && table->blob_bytes != blob_bytes) {
        table = fail(Errc::damaged, "it holds a blob of another length:");
    }
    if (!table) table.error().path = file.path();
    return table;
}

Result<void> unpack_frames(os::File& file, const format::Compressed& table, unsigned threads,
                           const ChunkVisitor& visit) {
    return for_each_frame(file, table.frames.size(), threads, [&]() -> Work {
        auto buffer = std::make_shared<std::vector<std::byte>>(
            std::min(table.blob_bytes, format::k_frame_bytes));
        return [&, buffer](FrameReader& reader, std::uint64_t frame) {
            const auto bytes =
                std::span(*buffer).first(format::frame_bytes(table.blob_bytes, frame));
            auto done = reader.read(table.frames[frame], bytes);
            if (done) done = visit(frame * format::k_frame_bytes, bytes);
            return done;
        };
    });
}

Result<MappedObject> map_compressed(Context& context, const Manifest& manifest, Verify policy,
                                    const ChunkVisitor& visit) {
    const auto& part = manifest.own_part();
    const auto object = open_verified(context, manifest.key, part, policy, visit);
    if (!object) return fail(object.error());
    const auto table = read_frame_table(*object->file, part.bytes, manifest.blob_bytes);
    auto mapping = table ? unpack_into_memory(*object->file, *table, context.threads)
                         : Result<std::shared_ptr<os::Mapping>>(fail(table.error()));
    if (!mapping) {
        // The bytes are those that were published, as far as they were checked, and cannot be
        // decompressed all the same.
        if (mapping.error().code == Errc::damaged) {
            static_cast<void>(quarantine_object(context, manifest.key, part.object, object->stamp));
        }
        return fail(std::move(mapping.error()));
    }
    return MappedObject{std::move(*mapping), {}, part.object, object->stamp, object->proof};
}

}  // namespace larder::internal::store
