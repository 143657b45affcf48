#include "model/memory_content.h"

#include <algorithm>
#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "base/parallel.h"
#include "model/settling.h"

namespace larder::internal::model {
namespace {

using Bytes = std::span<const std::byte>;

// For fewer bytes, starting a thread costs more than it gains.
constexpr std::uint64_t k_parallel_bytes_min = std::uint64_t{16} << 20;

constexpr std::string_view k_kind = "ranges 1 ";

std::uint64_t sum_of_sizes(std::span<const Bytes> ranges) {
    return std::accumulate(ranges.begin(), ranges.end(), std::uint64_t{0},
                           [](std::uint64_t sum, Bytes range) { return sum + range.size(); });
}

// A range to hash, at the address where its bytes are best read.
struct RangeToRead {
    std::size_t range = 0;
    Bytes bytes;
    bool drop = false;  // drop its pages after reading
};

// Reads in the order of addresses, which is that of the file: a disk reads ahead.
Result<void> hash_readings(os::AddressSpace& address_space, std::vector<RangeToRead> readings,
                           std::span<Digest> digests) {
    struct Chunk {
        Bytes bytes;
        bool drop;
    };
    std::ranges::sort(readings, std::less<>{}, [](const auto& r) { return r.bytes.data(); });
    std::vector<Chunk> chunks;
    std::uint64_t total = 0;
    for (const auto& reading : readings) {
        total += reading.bytes.size();
        for (std::size_t at = 0; at < reading.bytes.size(); at += k_chunk_size_bytes) {
            const auto size = std::min<std::size_t>(k_chunk_size_bytes, reading.bytes.size() - at);
            chunks.push_back({reading.bytes.subspan(at, size), reading.drop});
        }
    }
    std::vector<Digest> chunk_digests(chunks.size());
    const unsigned threads = total < k_parallel_bytes_min ? 1U : worker_threads();
    auto hashed = parallel_for(chunks.size(), threads, [&](std::uint64_t i) -> Result<void> {
        chunk_digests[i] = hash_bytes(chunks[i].bytes);
        if (chunks[i].drop) address_space.drop_resident(chunks[i].bytes);
        return {};
    });
    if (!hashed) return hashed;
    std::span<const Digest> rest = chunk_digests;
    for (const auto& reading : readings) {
        const auto count = static_cast<std::size_t>(chunk_count(reading.bytes.size()));
        digests[reading.range] = combine_chunks(reading.bytes.size(), rest.first(count));
        rest = rest.subspan(count);
    }
    return {};
}

// The ranges that lie in one mapping of a file.
class MappedRanges {
public:
    explicit MappedRanges(const os::FileMapping& mapping) : mapping_(mapping) {}

    void add(std::size_t index, Bytes range) {
        const auto at = static_cast<std::uint64_t>(range.data() - mapping_.memory.data());
        members_.push_back({mapping_.offset + at, range.size(), index});
    }

    // To be called once all are added. Opens the file if the memory is certainly its content.
    [[nodiscard]] Result<void> open(const os::System& system, os::AddressSpace& address_space,
                                    std::span<const os::FileMapping> mappings);
    [[nodiscard]] bool is_open() const { return file_.file != nullptr; }
    // To be called before the file is hashed, if the results are to be remembered.
    void prepare_to_remember();

    [[nodiscard]] bool recall(FingerprintMemory& memory, std::span<Digest> digests) const;
    void remember(FingerprintMemory& memory, std::span<const Digest> digests) const;

    // Reads through a mapping of larder's own, so that the program's pages stay as they are; in
    // place if that mapping fails.
    [[nodiscard]] std::vector<RangeToRead> readings(os::FileSystem& fs,
                                                    std::span<const Bytes> ranges);
    [[nodiscard]] std::vector<RangeToRead> readings_in_place(os::FileSystem& fs,
                                                             std::span<const Bytes> ranges) const;

    [[nodiscard]] bool is_unchanged() const {
        const auto info = file_.file->info();
        return info && info->stamp == file_.stamp;
    }
    [[nodiscard]] MappedFile described() const {
        return {mapping_.path, file_.stamp, file_.settled};
    }
    // Lists the hashed ranges of file number `file`.
    void list(std::size_t file, std::span<const Digest> digests,
              std::vector<RangeInFile>& into) const {
        for (const auto& [offset, size, index] : members_) {
            into.push_back({digests[index], size, file, offset});
        }
    }
    // Describes a file that is not open: the memory may be its content all the same.
    [[nodiscard]] std::optional<MappedFile> described_by_path(const os::System& system) const;

private:
    struct Member {
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
        std::size_t index = 0;

        auto operator<=>(const Member&) const = default;
    };
    struct OpenFile {
        std::unique_ptr<os::File> file;
        os::FileStamp stamp;
        bool settled = false;
    };

    [[nodiscard]] std::uint64_t end() const {
        std::uint64_t result = 0;
        for (const auto& member : members_) result = std::max(result, member.offset + member.size);
        return result;
    }
    // Returns everything between the first and the last range.
    [[nodiscard]] Bytes memory() const {
        const auto begin = members_.front().offset;
        return mapping_.memory.subspan(begin - mapping_.offset, end() - begin);
    }
    [[nodiscard]] std::string kind() const {
        Hasher hasher;
        for (const auto& member : members_) {
            hasher.update_u64(member.offset).update_u64(member.size);
        }
        return std::string(k_kind) + hasher.finish().hex();
    }
    [[nodiscard]] bool is_file(const os::FileInfo& info) const {
        return info.kind == os::FileKind::regular && info.stamp.device == mapping_.device &&
               info.stamp.inode == mapping_.inode;
    }

    const os::FileMapping& mapping_;
    std::vector<Member> members_;  // in the order of the file
    OpenFile file_;
    std::shared_ptr<os::Mapping> own_;
};

// A program that maps a file for writing can change it without a trace in its times.
bool is_written_to(const os::FileMapping& mapping, std::span<const os::FileMapping> all) {
    return std::ranges::any_of(all, [&](const os::FileMapping& other) {
        return other.inode == mapping.inode && other.device == mapping.device &&
               other.sharing == os::Sharing::shared && other.access != os::Access::read_only;
    });
}

Result<void> MappedRanges::open(const os::System& system, os::AddressSpace& address_space,
                                std::span<const os::FileMapping> mappings) {
    std::ranges::sort(members_);
    if (mapping_.access != os::Access::read_only || is_written_to(mapping_, mappings)) return {};
    const auto now = system.clock.wall().count();
    auto file = system.fs.open(mapping_.path, os::OpenMode::read);
    if (!file) return {};
    const auto info = (*file)->info();
    if (!info || !is_file(*info)) return {};
    if (info->stamp.size_bytes < end()) {
        return fail(Errc::busy, "the file is shorter than what is mapped of it:", mapping_.path);
    }
    if (!address_space.stamp_tells_content(mapping_.path)) return {};
    if (mapping_.sharing == os::Sharing::copied_on_write) {
        const auto copied = address_space.has_copied_pages(memory());
        if (!copied || *copied) return {};
    }
    file_ = {std::move(*file), info->stamp, os::is_settled(info->stamp, now)};
    return {};
}

void MappedRanges::prepare_to_remember() {
    if (!file_.settled) return;
    // The stamp was taken before this: after all is hashed, it differs if a store changed it since.
    file_.settled = make_stores_show(*file_.file);
}

std::optional<MappedFile> MappedRanges::described_by_path(const os::System& system) const {
    const auto now = system.clock.wall().count();
    const auto info = system.fs.info(mapping_.path);
    if (!info || info->kind != os::FileKind::regular) return {};
    return MappedFile{
        mapping_.path, info->stamp,
        os::is_settled(info->stamp, now) && stores_can_show(system.fs, mapping_.path)};
}

// The text has 64 characters for each range, in the order of the file.
bool MappedRanges::recall(FingerprintMemory& memory, std::span<Digest> digests) const {
    const auto text = memory.find_derived(file_.stamp, kind());
    constexpr std::size_t k_hex_size = 2 * Digest::k_size_bytes;
    if (!text || text->size() != members_.size() * k_hex_size) return false;
    std::string_view rest = *text;
    for (const auto& member : members_) {
        const auto digest = Digest::from_hex(rest.substr(0, k_hex_size));
        if (!digest) return false;
        digests[member.index] = *digest;
        rest.remove_prefix(k_hex_size);
    }
    return true;
}

void MappedRanges::remember(FingerprintMemory& memory, std::span<const Digest> digests) const {
    if (!file_.settled) return;
    std::string text;
    for (const auto& member : members_) text += digests[member.index].hex();
    memory.remember_derived(file_.stamp, kind(), text);
}

std::vector<RangeToRead> MappedRanges::readings(os::FileSystem& fs, std::span<const Bytes> ranges) {
    if (!is_open()) return readings_in_place(fs, ranges);
    auto own = fs.map(*file_.file, end());
    if (!own) return readings_in_place(fs, ranges);
    own_ = std::move(*own);
    std::vector<RangeToRead> result;
    result.reserve(members_.size());
    for (const auto& [offset, size, index] : members_) {
        result.push_back({index, own_->bytes().subspan(offset, size), true});
    }
    return result;
}

std::vector<RangeToRead> MappedRanges::readings_in_place(os::FileSystem& fs,
                                                         std::span<const Bytes> ranges) const {
    // On some file systems `stat` reports another device than the kernel, so only the kind is
    // checked. Pages of devices may not be dropped safely, and copied pages would be lost.
    const auto info = fs.info(mapping_.path);
    const bool drop = mapping_.access == os::Access::read_only &&
                      mapping_.sharing == os::Sharing::shared && info &&
                      info->kind == os::FileKind::regular;
    std::vector<RangeToRead> result;
    result.reserve(members_.size());
    for (const auto& member : members_) {
        result.push_back({member.index, ranges[member.index], drop});
    }
    return result;
}

// The ranges of one call, grouped by the mappings that they lie in.
class Sorted {
public:
    Sorted(std::span<const Bytes> ranges, std::span<const os::FileMapping> mappings)
        : first_(ranges.size()) {
        // Constants often share their memory.
        std::map<std::pair<const std::byte*, std::size_t>, std::size_t> seen;
        std::map<const os::FileMapping*, std::size_t> group_of;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            const auto range = ranges[i];
            const auto [known, is_new] = seen.try_emplace({range.data(), range.size()}, i);
            first_[i] = known->second;
            if (!is_new) continue;
            const auto* const mapping = mapping_of(range, mappings);
            if (mapping == nullptr) {
                elsewhere_.push_back({i, range, false});
                continue;
            }
            const auto [group, is_first] = group_of.try_emplace(mapping, mapped_.size());
            if (is_first) mapped_.emplace_back(*mapping);
            mapped_[group->second].add(i, range);
        }
    }

    [[nodiscard]] std::vector<MappedRanges>& mapped() { return mapped_; }
    [[nodiscard]] const std::vector<RangeToRead>& elsewhere() const { return elsewhere_; }
    // Copies digests to ranges that were not hashed because another range is the same memory.
    void complete(std::span<Digest> digests) const {
        for (std::size_t i = 0; i < first_.size(); ++i) digests[i] = digests[first_[i]];
    }

private:
    // Returns the mapping that contains the whole range, or null.
    static const os::FileMapping* mapping_of(Bytes range,
                                             std::span<const os::FileMapping> mappings) {
        const auto after =
            std::ranges::upper_bound(mappings, range.data(), std::less<>{},
                                     [](const auto& mapping) { return mapping.memory.data(); });
        if (range.empty() || after == mappings.begin()) return nullptr;
        const auto& mapping = *std::prev(after);
        const auto* const end = mapping.memory.data() + mapping.memory.size();
        return std::less_equal<>{}(range.data() + range.size(), end) ? &mapping : nullptr;
    }

    std::vector<std::size_t> first_;  // the first range that is the same memory
    std::vector<MappedRanges> mapped_;
    std::vector<RangeToRead> elsewhere_;
};

}  // namespace

Result<MemoryContent> hash_memory(const os::System& system, os::AddressSpace& address_space,
                                  FingerprintMemory& memory, std::span<const Bytes> ranges,
                                  std::uint64_t hashed_bytes_max) {
    MemoryContent content;
    content.digests.resize(ranges.size());
    std::vector<os::FileMapping> mappings;
    if (sum_of_sizes(ranges) > k_in_place_bytes_max) {
        // If the mappings are unknown, everything is hashed in place.
        if (auto found = address_space.file_mappings()) mappings = std::move(*found);
    }
    Sorted sorted(ranges, mappings);
    auto readings = sorted.elsewhere();
    const auto add = [](std::vector<RangeToRead>& to, const std::vector<RangeToRead>& more) {
        to.insert(to.end(), more.begin(), more.end());
    };
    std::vector<const MappedRanges*> read;
    std::map<const MappedRanges*, std::size_t> number_of;  // of its file
    for (auto& mapped : sorted.mapped()) {
        auto opened = mapped.open(system, address_space, mappings);
        if (!opened) return fail(std::move(opened.error()));
        if (mapped.is_open()) {
            const bool recalled = mapped.recall(memory, content.digests);
            if (!recalled) mapped.prepare_to_remember();
            number_of.emplace(&mapped, content.files.size());
            content.files.push_back(mapped.described());
            if (recalled) continue;
            read.push_back(&mapped);
        } else if (auto file = mapped.described_by_path(system)) {
            content.files.push_back(std::move(*file));
        }
        add(readings, mapped.readings(system.fs, ranges));
    }
    std::uint64_t unknown_bytes = 0;
    for (const auto& reading : readings) unknown_bytes += reading.bytes.size();
    if (unknown_bytes > hashed_bytes_max) {
        return fail(Errc::unsupported, "too many bytes would have to be hashed");
    }
    const auto hash = [&](const std::vector<RangeToRead>& these) {
        for (const auto& reading : these) content.hashed_bytes += reading.bytes.size();
        return hash_readings(address_space, these, content.digests);
    };
    if (auto hashed = hash(readings); !hashed) return fail(std::move(hashed.error()));
    std::vector<RangeToRead> again;
    for (const auto* mapped : read) {
        if (mapped->is_unchanged()) {
            mapped->remember(memory, content.digests);
        } else {
            // The file changed: hashes the memory itself, which is what the runtime will read.
            number_of.erase(mapped);
            add(again, mapped->readings_in_place(system.fs, ranges));
        }
    }
    if (auto hashed = hash(again); !hashed) return fail(std::move(hashed.error()));
    sorted.complete(content.digests);
    for (const auto& [mapped, number] : number_of) {
        mapped->list(number, content.digests, content.in_files);
    }
    return content;
}

Result<void> confirm_unchanged(os::FileSystem& fs, std::span<const MappedFile> files) {
    for (const auto& file : files) {
        const auto info = fs.info(file.path);
        if (!info || info->stamp != file.stamp) {
            return fail(Errc::busy, "the model changed:", file.path);
        }
    }
    return {};
}

}  // namespace larder::internal::model
