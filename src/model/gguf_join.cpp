#include "model/gguf_join.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "model/byte_source.h"
#include "model/file_names.h"
#include "model/gguf_outline.h"
#include "model/search.h"

namespace larder::internal::model {
namespace {

constexpr std::uint64_t k_copy_bytes = std::uint64_t{4} << 20;  // the unit of work of a thread
constexpr std::size_t k_buffer_bytes = std::size_t{64} << 10;

struct Shard {
    std::string path;
    os::FileStamp stamp;
    GgufTable table;
};

// Bytes of a shard, and their destination.
struct Piece {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint64_t size_bytes = 0;
};

struct Written {
    std::string bytes;
    std::uint64_t to = 0;
};

struct Plan {
    std::vector<Written> written;
    std::vector<std::vector<Piece>> copied;  // for each shard
    std::uint64_t size_bytes = 0;
};

template <std::unsigned_integral T>
void append(std::string& bytes, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes += static_cast<char>((std::uint64_t{value} >> (8 * i)) & 0xffU);
    }
}

std::uint64_t aligned(std::uint64_t offset, std::uint32_t alignment) {
    const std::uint64_t mask = std::uint64_t{alignment} - 1;
    return (offset + mask) & ~mask;
}

Result<Shard> read_shard(os::FileSystem& fs, const std::string& path) {
    const auto opened = open_regular(fs, path);
    if (!opened) return fail(opened.error());
    FileSource source(*opened->file, opened->stamp.size_bytes);
    auto table = read_gguf_table(source);
    if (!table) return fail(at_path(std::move(table.error()), path));
    return Shard{path, opened->stamp, std::move(*table)};
}

// A tensor of an unknown type ends where the next one begins.
void measure_tensors(Shard& shard) {
    const auto data_bytes = shard.stamp.size_bytes - shard.table.data_offset;
    auto& tensors = shard.table.tensors;
    std::vector<std::uint64_t> offsets;
    offsets.reserve(tensors.size());
    for (const auto& tensor : tensors) offsets.push_back(tensor.offset);
    std::ranges::sort(offsets);
    for (auto& tensor : tensors) {
        if (tensor.size_bytes) continue;
        const auto next = std::ranges::upper_bound(offsets, tensor.offset);
        tensor.size_bytes = (next == offsets.end() ? data_bytes : *next) - tensor.offset;
    }
}

// Limits the sizes that a damaged table could make arbitrarily large.
Result<void> check_tensors(const Shard& shard) {
    auto left = shard.stamp.size_bytes;
    for (const auto& tensor : shard.table.tensors) {
        if (*tensor.size_bytes > left) {
            return fail(Errc::damaged,
                        "tensor '" + printable(tensor.name) + "' overlaps another:", shard.path);
        }
        left -= *tensor.size_bytes;
    }
    return {};
}

Result<void> check_together(const std::vector<Shard>& shards) {
    std::unordered_set<std::string> names;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const auto& shard = shards[i];
        if (shard.table.outline.shard != i || shard.table.outline.shard_count != shards.size()) {
            return fail(Errc::damaged, "not the shard that its name says:", shard.path);
        }
        for (const auto& tensor : shard.table.tensors) {
            if (!names.insert(tensor.name).second) {
                return fail(Errc::damaged,
                            "tensor '" + printable(tensor.name) + "' occurs twice:", shard.path);
            }
        }
    }
    const auto& first = shards.front();
    const auto wanted = first.table.tensors_in_all;
    if (wanted && *wanted != names.size()) {
        return fail(Errc::damaged,
                    "its shards hold " + std::to_string(names.size()) + " tensors, not " +
                        std::to_string(*wanted) + ":",
                    first.path);
    }
    return {};
}

Result<std::vector<Shard>> read_shards(os::FileSystem& fs, const ModelSource& source) {
    std::vector<Shard> shards;
    for (const auto& file : source.files) {
        auto shard = read_shard(fs, file.path);
        if (!shard) return fail(std::move(shard.error()));
        // The data begins after the end only in a file without tensor data.
        if (shard->table.data_offset <= shard->stamp.size_bytes) measure_tensors(*shard);
        for (auto& tensor : shard->table.tensors) {
            if (!tensor.size_bytes) tensor.size_bytes = 0;
        }
        if (auto fine = check_tensors(*shard); !fine) return fail(std::move(fine.error()));
        shards.push_back(std::move(*shard));
    }
    if (auto fine = check_together(shards); !fine) return fail(std::move(fine.error()));
    return shards;
}

void append_info(std::string& bytes, const GgufTensor& tensor, std::uint64_t offset) {
    append(bytes, std::uint64_t{tensor.name.size()});
    bytes += tensor.name;
    append(bytes, static_cast<std::uint32_t>(tensor.lengths.size()));
    for (const auto length : tensor.lengths) append(bytes, length);
    append(bytes, tensor.type);
    append(bytes, offset);
}

Plan plan(const std::vector<Shard>& shards) {
    Plan plan;
    plan.copied.resize(shards.size());
    const auto& first = shards.front().table;
    std::uint64_t pairs = 0;
    std::uint64_t tensors = 0;
    for (const auto& shard : shards) tensors += shard.table.tensors.size();
    for (const auto& pair : first.pairs) pairs += pair.key.starts_with("split.") ? 0U : 1U;

    std::string head = "GGUF";
    append(head, first.version);
    append(head, tensors);
    append(head, pairs);
    std::uint64_t end = head.size();
    plan.written.push_back({std::move(head), 0});
    for (const auto& pair : first.pairs) {
        if (pair.key.starts_with("split.")) continue;
        plan.copied.front().push_back({pair.offset, end, pair.size_bytes});
        end += pair.size_bytes;
    }

    std::string infos;
    std::uint64_t offset = 0;  // from the start of the data
    for (const auto& shard : shards) {
        for (const auto& tensor : shard.table.tensors) {
            append_info(infos, tensor, offset);
            offset = aligned(offset + *tensor.size_bytes, first.alignment);
        }
    }
    const auto data = aligned(end + infos.size(), first.alignment);
    plan.written.push_back({std::move(infos), end});
    plan.size_bytes = data + offset;

    offset = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const auto& table = shards[i].table;
        for (const auto& tensor : table.tensors) {
            const auto size = *tensor.size_bytes;
            plan.copied[i].push_back({table.data_offset + tensor.offset, data + offset, size});
            offset = aligned(offset + size, first.alignment);
        }
    }
    return plan;
}

// Makes pieces of similar size, for threads to share: joins neighbours, and splits large ones.
std::vector<Piece> even_pieces(const std::vector<Piece>& pieces) {
    std::vector<Piece> joined;
    for (const auto& piece : pieces) {
        if (!joined.empty()) {
            auto& last = joined.back();
            if (last.from + last.size_bytes == piece.from &&
                last.to + last.size_bytes == piece.to) {
                last.size_bytes += piece.size_bytes;
                continue;
            }
        }
        joined.push_back(piece);
    }
    std::vector<Piece> even;
    for (auto piece : joined) {
        while (piece.size_bytes > 0) {
            const auto size = std::min(piece.size_bytes, k_copy_bytes);
            even.push_back({piece.from, piece.to, size});
            piece = {piece.from + size, piece.to + size, piece.size_bytes - size};
        }
    }
    return even;
}

Result<void> copy(os::File& from, os::File& to, const Piece& piece) {
    // Not from malloc: with buffers of some MiB from malloc, the following compile was measured to
    // peak 64 MiB higher.
    std::array<std::byte, k_buffer_bytes> buffer;
    for (std::uint64_t done = 0; done < piece.size_bytes;) {
        const auto size = std::min<std::uint64_t>(piece.size_bytes - done, k_buffer_bytes);
        const auto bytes = std::span(buffer).first(static_cast<std::size_t>(size));
        if (auto read = from.read_at(piece.from + done, bytes); !read) return read;
        if (auto written = to.write_at(piece.to + done, bytes); !written) return written;
        done += size;
    }
    return {};
}

Result<void> copy_shard(os::FileSystem& fs, const Shard& shard, const std::vector<Piece>& pieces,
                        os::File& out, unsigned threads) {
    const auto opened = open_regular(fs, shard.path);
    if (!opened) return fail(opened.error());
    const auto even = even_pieces(pieces);
    auto copied = parallel_for(even.size(), threads, [&](std::uint64_t i) {
        return copy(*opened->file, out, even[static_cast<std::size_t>(i)]);
    });
    const auto after = opened->file->info();
    if (!after) return fail(after.error());
    if (after->stamp != shard.stamp) {
        return fail(Errc::busy, "the model changed while it was read:", shard.path);
    }
    return copied;
}

Result<void> write(os::File& out, std::string_view bytes, std::uint64_t offset) {
    return out.write_at(offset, std::as_bytes(std::span(bytes)));
}

}  // namespace

bool is_split_gguf(const ModelSource& source) {
    return source.kind == ModelKind::gguf && source.files.size() > 1;
}

Result<void> join_gguf(os::FileSystem& fs, const ModelSource& source, os::File& out,
                       unsigned threads) {
    const auto shards = read_shards(fs, source);
    if (!shards) return fail(shards.error());
    const auto all = plan(*shards);
    // Writes the last byte first, which is padding or overwritten later: the file then has its full
    // length, even if its last tensor is empty.
    if (auto done = write(out, std::string_view("\0", 1), all.size_bytes - 1); !done) return done;
    for (const auto& part : all.written) {
        if (auto done = write(out, part.bytes, part.to); !done) return done;
    }
    for (std::size_t i = 0; i < shards->size(); ++i) {
        auto done = copy_shard(fs, (*shards)[i], all.copied[i], out, threads);
        if (!done) return done;
    }
    return {};
}

}  // namespace larder::internal::model
