#include "os/composition.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "base/parallel.h"
#include "os/page_size.h"
#include "os/posix_file.h"
#include "os/reservation.h"
#include "os/residency.h"

namespace larder::internal::os {
namespace {

// The most bytes that one thread copies at a time.
constexpr std::uint64_t k_copy_bytes = std::uint64_t{8} << 20;
// Fewer bytes are copied before a second thread has started.
constexpr std::uint64_t k_parallel_bytes_min = std::uint64_t{4} << 20;

std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
    return (value + step - 1) / step * step;
}

struct Range {
    std::uint64_t begin = 0;  // in the mapping
    std::uint64_t end = 0;
    bool is_owner = false;
};

struct Copy {
    std::uint64_t begin = 0;
    MapPiece from;
};

// The kernel maps a file by huge pages, where the page cache has them, if it lies in memory as in
// the file, with far fewer faults. Returns the place in a huge page that the mapping must begin at
// for its largest piece.
std::uint64_t place_in_huge_page(std::span<const MapPiece> pieces, std::uint64_t start_in_page) {
    std::uint64_t place = 0;
    std::uint64_t largest_bytes = k_huge_page_bytes - 1;
    std::uint64_t begin = start_in_page;
    for (const auto& piece : pieces) {
        const bool is_mappable =
            !piece.is_copied && piece.file_offset % page_bytes() == begin % page_bytes();
        if (is_mappable && piece.size_bytes > largest_bytes) {
            largest_bytes = piece.size_bytes;
            // Unsigned numbers wrap round at a multiple of the huge page.
            place = (piece.file_offset - begin) % k_huge_page_bytes;
        }
        begin += piece.size_bytes;
    }
    return place;
}

class ComposedMapping final : public Mapping {
public:
    ComposedMapping(std::uint64_t start_in_page, std::uint64_t size_bytes,
                    std::span<const MapPiece> pieces)
        : memory_(start_in_page + size_bytes, place_in_huge_page(pieces, start_in_page)),
          start_(start_in_page),
          size_bytes_(size_bytes) {}

    Result<void> fill(std::span<const MapPiece> pieces);

    std::span<const std::byte> bytes() const override {
        return {memory_.begin() + start_, size_bytes_};
    }
    void drop_resident() noexcept override {
        for (const auto& range : mapped_) {
            ::madvise(at(range.begin), range.end - range.begin, MADV_DONTNEED);
        }
    }
    bool is_cached(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
        if (size_bytes == 0 || offset >= size_bytes_) return false;
        const auto last = offset + std::min(size_bytes, size_bytes_ - offset) - 1;
        return is_byte_cached(offset) && is_byte_cached(last);
    }

private:
    [[nodiscard]] std::byte* at(std::uint64_t offset) const {
        return memory_.begin() + start_ + offset;
    }
    [[nodiscard]] bool is_byte_cached(std::uint64_t offset) const noexcept {
        const auto after = std::upper_bound(
            mapped_.begin(), mapped_.end(), offset,
            [](std::uint64_t value, const Range& range) { return value < range.begin; });
        if (after == mapped_.begin()) return true;
        const auto& range = *std::prev(after);
        if (offset >= range.end) return true;
        if (!range.is_owner) return false;
        const auto in_range = (offset - range.begin) / page_bytes() * page_bytes();
        return is_resident(at(range.begin + in_range));
    }
    void leave_first_page(std::uint64_t begin, MappedPart& part) const;
    Result<void> map_part(std::uint64_t begin, const MapPiece& piece, MappedPart part);
    void advise_huge_pages() const noexcept;
    Result<void> copy_all(const std::vector<Copy>& copies) const;

    Reservation memory_;
    std::uint64_t start_;
    std::uint64_t size_bytes_;
    std::vector<Range> mapped_;  // in order
};

void add_copies(std::vector<Copy>& copies, std::uint64_t begin, const MapPiece& piece,
                std::uint64_t from, std::uint64_t to) {
    while (from < to) {
        const auto bytes = std::min(k_copy_bytes, to - from);
        copies.push_back({begin + from, {piece.file, piece.file_offset + from, bytes}});
        from += bytes;
    }
}

Result<void> ComposedMapping::fill(std::span<const MapPiece> pieces) {
    if (!memory_.is_usable()) return fail(Error::from_errno("cannot reserve memory for", "a blob"));
    std::vector<Copy> copies;
    std::uint64_t begin = 0;
    for (const auto& piece : pieces) {
        auto part = mapped_part(start_ + begin, piece.file_offset, piece.size_bytes);
        if (piece.is_copied) part = {};
        leave_first_page(begin, part);
        if (part.size_bytes() > 0) {
            if (auto mapped = map_part(begin, piece, part); !mapped) return mapped;
        }
        add_copies(copies, begin, piece, 0, part.begin);
        add_copies(copies, begin, piece, part.end, piece.size_bytes);
        begin += piece.size_bytes;
    }
    advise_huge_pages();
    if (auto copied = copy_all(copies); !copied) return copied;
    return memory_.protect();
}

// Copies the first page instead of mapping it: code that looks up the file behind the beginning
// would take it for the whole blob. The GPU plugin of 2026.4.1 reads that file instead of a blob of
// 4 MiB or more.
void ComposedMapping::leave_first_page(std::uint64_t begin, MappedPart& part) const {
    const auto first = page_bytes() - start_;
    if (begin + part.begin >= first) return;
    part.begin = std::min(first - begin, part.end);
}

Result<void> ComposedMapping::map_part(std::uint64_t begin, const MapPiece& piece,
                                       MappedPart part) {
    auto& file = dynamic_cast<PosixFile&>(*piece.file);
    const auto info = file.info();
    if (!info) return fail(info.error());
    if (info->stamp.size_bytes < piece.file_offset + part.end) {
        return fail(Errc::damaged, "file is too short", file.path());
    }
    if (auto mapped =
            file.map_at(at(begin + part.begin), piece.file_offset + part.begin, part.size_bytes());
        !mapped) {
        return mapped;
    }
    mapped_.push_back({begin + part.begin, begin + part.end, ::geteuid() == info->owner});
    return {};
}

// Advises huge pages for the ranges that are copied, between the mapped ones.
void ComposedMapping::advise_huge_pages() const noexcept {
    std::uint64_t begin = 0;
    for (const auto& range : mapped_) {
        memory_.advise_huge_pages(start_ + begin, start_ + range.begin);
        begin = range.end;
    }
    memory_.advise_huge_pages(start_ + begin, start_ + size_bytes_);
}

Result<void> ComposedMapping::copy_all(const std::vector<Copy>& copies) const {
    std::uint64_t bytes = 0;
    for (const auto& copy : copies) bytes += copy.from.size_bytes;
    return parallel_for(
        copies.size(), bytes < k_parallel_bytes_min ? 1 : worker_threads(), [&](std::uint64_t i) {
            const auto& [begin, from] = copies[i];
            return from.file->read_at(from.file_offset, {at(begin), from.size_bytes});
        });
}

}  // namespace

MappedPart mapped_part(std::uint64_t in_page, std::uint64_t file_offset, std::uint64_t size_bytes) {
    const auto page = page_bytes();
    if (in_page % page != file_offset % page) return {};
    const auto begin = round_up(file_offset, page) - file_offset;
    const auto end = (file_offset + size_bytes) / page * page - file_offset;
    if (begin > size_bytes || end < begin + k_mapped_bytes_min) return {};
    return {begin, end};
}

Result<std::shared_ptr<Mapping>> compose(std::span<const MapPiece> pieces,
                                         std::uint64_t start_in_page) {
    constexpr std::uint64_t k_bytes_max = std::numeric_limits<std::int64_t>::max() / 4;
    std::uint64_t size_bytes = 0;
    for (const auto& piece : pieces) {
        if (piece.size_bytes > k_bytes_max - size_bytes || piece.file_offset > k_bytes_max) {
            return fail(Errc::invalid_argument, "a piece is too large:", piece.file->path());
        }
        size_bytes += piece.size_bytes;
    }
    auto mapping =
        std::make_shared<ComposedMapping>(start_in_page % page_bytes(), size_bytes, pieces);
    if (auto filled = mapping->fill(pieces); !filled) return fail(std::move(filled.error()));
    return mapping;
}

}  // namespace larder::internal::os
