#include "cache/blob/referring_blob.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/cpu_blob.h"
#include "os/composition.h"
#include "os/page_size.h"

namespace larder::internal::cache {
namespace {

// After a stretch without a match the search skips this much, twice as much each time. A later
// match is extended backwards over the skipped bytes.
constexpr std::uint64_t k_skip_bytes_min = std::uint64_t{64} << 10;
constexpr std::uint64_t k_skip_bytes_max = std::uint64_t{1} << 20;
// Up to this many bytes may be new; beyond that, new bytes must be fewer than half of the
// recognised ones.
constexpr std::uint64_t k_made_bytes_free = std::uint64_t{32} << 20;
// As much is new before objects are looked at, which has to be read for that.
constexpr std::uint64_t k_looked_for_bytes_min = std::uint64_t{256} << 10;
// Part of a blob that is held in memory. Each load copies bytes whose place differs from that in
// their file, and they take memory for as long as the model lives: beyond this part they are
// stored once more.
constexpr std::uint64_t k_copied_part_max = 16;
// Fewer bytes that cannot be mapped are cheaper to keep once more.
constexpr std::uint64_t k_copied_bytes_min = std::uint64_t{16} << 10;
constexpr std::uint64_t k_touched_bytes_max = std::uint64_t{8} << 20;

std::vector<std::span<const std::byte>> ranges_of(const std::vector<ModelSource>& sources) {
    std::vector<std::span<const std::byte>> ranges;
    ranges.reserve(sources.size());
    for (const auto& source : sources) ranges.push_back(source.bytes);
    return ranges;
}

}  // namespace

ReferringBlob::ReferringBlob(ModelBytes& model, std::vector<ModelSource> sources,
                             FindShareable find_shareable, store::StagedFile& file, BlobUse use)
    : model_(model),
      sources_(std::move(sources)),
      find_shareable_(std::move(find_shareable)),
      windows_(ranges_of(sources_), k_source_stretch_bytes, [&model] { model.drop_resident(); }),
      file_(file),
      use_(use) {
    model_.drop_resident();
}

Result<void> ReferringBlob::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (offset < blob_bytes_ && !is_whole_) {
        const auto known = std::min<std::uint64_t>(bytes.size(), blob_bytes_ - offset);
        if (auto done = write_over(offset, bytes.first(known)); !done) return done;
        offset += known;
        bytes = bytes.subspan(known);
    }
    // Bytes that the exporter skips are zeros; in a file most of them are a hole, but here they
    // would take memory.
    if (const auto gap = offset - std::min(offset, blob_bytes_); gap > 0 && !is_whole_) {
        if (gap > k_made_bytes_free) {
            if (auto done = keep_whole(); !done) return done;
        } else {
            add_made(blob_bytes_, std::vector<std::byte>(gap));
        }
    }
    if (!is_whole_) {
        recognise(offset, bytes);
        if (!has_looked_ && made_.size() >= k_looked_for_bytes_min) {
            if (auto done = look_among_objects(); !done || is_whole_) return done;
        }
        const bool is_much = made_.size() > k_made_bytes_free && made_.size() > referred_bytes_ / 2;
        return is_much ? keep_whole() : Result<void>{};
    }
    blob_bytes_ = std::max<std::uint64_t>(blob_bytes_, offset + bytes.size());
    return bytes.empty() ? Result<void>{} : file_.write_at(offset, bytes);
}

Result<void> ReferringBlob::look_among_objects() {
    has_looked_ = true;
    objects_ = find_shareable_();
    if (objects_.empty()) return sources_.empty() ? keep_whole() : Result<void>{};
    auto file = sources_.empty() ? 0U : sources_.back().file;
    for (const auto& object : objects_) {
        const auto bytes = object.bytes();
        sources_.push_back(
            {{format::ReferredKind::object, object.digest, bytes.size()}, bytes, ++file});
    }
    windows_ =
        store::Windows(ranges_of(sources_), k_source_stretch_bytes, [this] { drop_resident(); });
    drop_resident();
    const auto runs = std::exchange(runs_, {});
    const auto made = std::exchange(made_, {});
    blob_bytes_ = referred_bytes_ = 0;
    for (const auto& [offset, run] : runs) {
        if (run.source) {
            add_referred(offset, run.bytes, *run.source, run.offset);
        } else {
            recognise(offset, std::span(made).subspan(run.offset, run.bytes));
        }
    }
    return {};
}

void ReferringBlob::drop_resident() noexcept {
    model_.drop_resident();
    for (const auto& object : objects_) object.mapping->drop_resident();
}

// Exporters patch their headers.
Result<void> ReferringBlob::write_over(std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        std::uint64_t begin = 0;
        const auto* const run = run_with(offset, 1, begin);
        const auto skipped = offset - begin;
        const auto count = std::min<std::uint64_t>(bytes.size(), run->bytes - skipped);
        if (!run->source) {
            std::memcpy(made_.data() + run->offset + skipped, bytes.data(), count);
        } else if (std::memcmp(bytes_of(*run).data() + skipped, bytes.data(), count) != 0) {
            if (auto done = keep_whole(); !done) return done;
            return file_.write_at(offset, bytes);
        }
        offset += count;
        bytes = bytes.subspan(count);
    }
    return {};
}

void ReferringBlob::recognise(std::uint64_t offset, std::span<const std::byte> bytes) {
    std::uint64_t done = 0;
    std::uint64_t at = 0;
    auto skip = k_skip_bytes_min;
    while (at + std::max(store::k_window_bytes, k_recognised_bytes_min) <= bytes.size()) {
        const auto end = std::min<std::uint64_t>(at + windows_.stretch_bytes(),
                                                 bytes.size() - store::k_window_bytes + 1);
        bool found = false;
        for (; at < end && !found; ++at) {
            const auto place = windows_.find(bytes.data() + at);
            if (!place) continue;
            const auto source = windows_.range(place->range);
            const auto before =
                store::common_suffix_bytes(bytes.data() + at, source.data() + place->offset,
                                           std::min(at - done, place->offset));
            const auto after = common_bytes(bytes.subspan(at), source.subspan(place->offset));
            if (before + after < k_recognised_bytes_min) continue;
            const auto begin = at - before;
            add_made(offset + done, bytes.subspan(done, begin - done));
            add_referred(offset + begin, before + after, place->range, place->offset - before);
            done = at + after;
            found = true;
        }
        if (found) {
            at = done;
            skip = k_skip_bytes_min;
        } else {
            at += skip;
            skip = std::min(2 * skip, k_skip_bytes_max);
        }
    }
    add_made(offset + done, bytes.subspan(done));
}

// Compares in steps, so that few pages of the model are resident at once.
std::uint64_t ReferringBlob::common_bytes(std::span<const std::byte> bytes,
                                          std::span<const std::byte> source) {
    std::uint64_t common = 0;
    while (true) {
        const auto step = std::min<std::uint64_t>(k_touched_bytes_max - touched_bytes_,
                                                  std::min(bytes.size(), source.size()) - common);
        const auto same =
            store::common_prefix_bytes(bytes.subspan(common, step), source.subspan(common, step));
        common += same;
        touched_bytes_ += same;
        if (touched_bytes_ == k_touched_bytes_max) {
            drop_resident();
            touched_bytes_ = 0;
        }
        if (same < step || common == std::min(bytes.size(), source.size())) return common;
    }
}

void ReferringBlob::add_made(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const auto last = runs_.empty() ? runs_.end() : std::prev(runs_.end());
    if (last != runs_.end() && !last->second.source) {
        last->second.bytes += bytes.size();
    } else {
        runs_.emplace(offset, Run{bytes.size(), {}, made_.size()});
    }
    made_.insert(made_.end(), bytes.begin(), bytes.end());
    blob_bytes_ = offset + bytes.size();
}

void ReferringBlob::add_referred(std::uint64_t offset, std::uint64_t bytes, std::uint32_t source,
                                 std::uint64_t source_offset) {
    runs_.emplace(offset, Run{bytes, source, source_offset});
    blob_bytes_ = offset + bytes;
    referred_bytes_ += bytes;
}

std::span<const std::byte> ReferringBlob::bytes_of(const Run& run) const {
    if (!run.source) return std::span(made_).subspan(run.offset, run.bytes);
    return sources_[*run.source].bytes.subspan(run.offset, run.bytes);
}

const ReferringBlob::Run* ReferringBlob::run_with(std::uint64_t offset, std::uint64_t bytes,
                                                  std::uint64_t& begin) const {
    const auto after = runs_.upper_bound(offset);
    if (after == runs_.begin()) return nullptr;
    const auto& [at, run] = *std::prev(after);
    begin = at;
    const auto skipped = offset - at;
    return skipped <= run.bytes && bytes <= run.bytes - skipped ? &run : nullptr;
}

std::vector<std::byte> ReferringBlob::read(std::uint64_t offset, std::uint64_t bytes) const {
    std::vector<std::byte> result;
    result.reserve(bytes);
    while (result.size() < bytes) {
        std::uint64_t begin = 0;
        const auto* const run = run_with(offset, 1, begin);
        if (run == nullptr) break;
        const auto skipped = offset - begin;
        const auto part = bytes_of(*run).subspan(
            skipped, std::min<std::uint64_t>(bytes - result.size(), run->bytes - skipped));
        result.insert(result.end(), part.begin(), part.end());
        offset += part.size();
    }
    return result;
}

Result<void> ReferringBlob::keep_whole() {
    is_whole_ = true;
    for (const auto& [offset, run] : runs_) {
        if (auto done = file_.write_at(offset, bytes_of(run)); !done) return done;
    }
    runs_.clear();
    made_ = {};
    drop_resident();
    objects_.clear();
    return {};
}

bool ReferringBlob::is_worth_it() const {
    return referred_bytes_ >= k_recognised_bytes_min && referred_bytes_ >= blob_bytes_ / 2;
}

Result<void> ReferringBlob::finish() {
    if (is_whole_) return {};
    if (!is_worth_it()) return keep_whole();
    const auto placed = lay_out();
    if (!placed) return keep_whole();
    return write(*placed);
}

std::optional<std::vector<ReferringBlob::Placed>> ReferringBlob::lay_out() {
    if (use_ == BlobUse::in_place) {
        if (auto placed = lay_out_for_cpu()) return placed;
    }
    if (use_ != BlobUse::copied) return lay_out_as_it_is();
    std::vector<Placed> placed;
    for (const auto& [offset, run] : runs_) placed.push_back({offset, run});
    return placed;
}

std::uint64_t ReferringBlob::best_start() const {
    constexpr auto k_page = format::k_referring_page_bytes;
    std::map<std::uint64_t, std::uint64_t> bytes_with;  // by where the blob would begin
    for (const auto& [offset, run] : runs_) {
        if (!run.source) continue;
        const auto& source = sources_[*run.source];
        const auto start = (source.file_offset + run.offset - offset) % k_page;
        if (start % format::k_referring_alignment_bytes == 0 && !source.is_copied) {
            bytes_with[start] += run.bytes;
        }
    }
    const auto best =
        std::ranges::max_element(bytes_with, {}, [](const auto& each) { return each.second; });
    return best == bytes_with.end() ? 0 : best->first;
}

bool ReferringBlob::can_be_mapped(std::uint64_t offset, const Run& run) const {
    const auto& source = sources_[*run.source];
    const auto part =
        os::mapped_part(start_in_page_ + offset, source.file_offset + run.offset, run.bytes);
    return !source.is_copied && part.size_bytes() > 0;
}

// Of an unknown layout, only pages that happen to lie as in their file can be referred to.
std::optional<std::vector<ReferringBlob::Placed>> ReferringBlob::lay_out_as_it_is() {
    start_in_page_ = best_start();
    std::uint64_t copied_bytes = 0;
    for (const auto& [at, run] : runs_)
        copied_bytes += run.source && !can_be_mapped(at, run) ? run.bytes : 0;
    const bool is_little = copied_bytes <= blob_bytes_ / k_copied_part_max;
    std::vector<Placed> placed;
    for (const auto& [offset, run] : runs_) {
        placed.push_back({offset, run});
        if (!run.source || can_be_mapped(offset, run)) continue;
        if (is_little && run.bytes >= k_copied_bytes_min) continue;
        placed.back().run.is_kept = true;
        referred_bytes_ -= run.bytes;
    }
    if (!is_worth_it()) return std::nullopt;
    return placed;
}

// The constants of each layer, such as a mask, often have the same bytes.
std::vector<std::size_t> ReferringBlob::repeated_in(const std::vector<Placed>& constants) const {
    std::vector<std::size_t> same_as(constants.size());
    std::map<Digest, std::size_t> first;
    for (std::size_t i = 0; i < constants.size(); ++i) {
        const auto& run = constants[i].run;
        const bool is_tried = !run.source && run.bytes >= k_recognised_bytes_min;
        same_as[i] = is_tried ? first.try_emplace(hash_bytes(bytes_of(run)), i).first->second : i;
    }
    return same_as;
}

// So that the pages of the model's files can be mapped where the constants lie.
std::optional<std::vector<ReferringBlob::Placed>> ReferringBlob::lay_out_for_cpu() {
    const auto sections = format::find_cpu_sections(
        read(0, std::min(blob_bytes_, format::k_cpu_beginning_bytes)), blob_bytes_);
    if (!sections) return std::nullopt;
    const auto blob = format::parse_cpu_blob(
        read(0, sections->constants.offset),
        read(sections->topology.offset, sections->topology.bytes), blob_bytes_);
    if (!blob) return std::nullopt;
    std::vector<std::optional<format::Elsewhere>> wanted;
    std::vector<Placed> placed;
    const auto add_new = [&](std::span<const std::byte> bytes) {
        const Run run{bytes.size(), {}, made_.size()};
        made_.insert(made_.end(), bytes.begin(), bytes.end());
        return run;
    };
    for (const auto& constant : blob->constants) {
        std::uint64_t begin = 0;
        const auto* const run = run_with(constant.offset, constant.bytes, begin);
        const auto skipped = constant.offset - begin;
        if (run == nullptr) {
            wanted.emplace_back();
            placed.push_back({0, add_new(read(constant.offset, constant.bytes))});
        } else {
            placed.push_back({0, {constant.bytes, run->source, run->offset + skipped}});
            if (!run->source) {
                wanted.emplace_back();
                continue;
            }
            const auto& source = sources_[*run->source];
            wanted.emplace_back(
                format::Elsewhere{source.file, source.file_offset + run->offset + skipped});
        }
    }
    const auto same_as = repeated_in(placed);
    auto layout = format::relayout(*blob, wanted, os::page_bytes(), same_as);
    if (!layout) return std::nullopt;
    for (std::size_t i = 0; i < placed.size(); ++i) {
        placed[i].offset = layout->offsets[i];
        if (same_as[i] != i) placed[i].run.bytes = 0;
    }
    placed.push_back({0, add_new(layout->head)});
    placed.push_back({layout->topology_offset, add_new(layout->topology)});
    std::ranges::sort(placed, {}, &Placed::offset);
    std::erase_if(placed, [](const Placed& each) { return each.run.bytes == 0; });
    blob_bytes_ = layout->blob_bytes;
    return placed;
}

}  // namespace larder::internal::cache
