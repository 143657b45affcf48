#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "format/cpu_blob.h"
#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::uint64_t k_page_bytes_min = 4096;
constexpr std::uint64_t k_page_bytes_max = std::uint64_t{1} << 20;

constexpr std::uint64_t rounded_up(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) / to * to;
}

std::span<const std::byte> as_bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

// Assigns offsets to constants, from `next` on.
class Placing {
public:
    Placing(const CpuBlob& blob, std::span<const std::optional<Elsewhere>> wanted,
            std::uint64_t page_bytes, std::uint64_t begin)
        : blob_(blob), wanted_(wanted), page_bytes_(page_bytes), next_(begin) {
        offsets.resize(blob.constants.size());
    }

    Result<void> pack(std::span<const std::size_t> same_as) {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            if (wanted_[i]) continue;
            if (!same_as.empty() && same_as[i] != i) {
                offsets[i] = offsets[same_as[i]];
                continue;
            }
            const auto bytes = blob_.constants[i].bytes;
            next_ = rounded_up(next_, bytes < k_cpu_alignment_bytes ? k_small_alignment_bytes
                                                                    : k_cpu_alignment_bytes);
            offsets[i] = next_;
            next_ += bytes;
            total += bytes;
            if (total > blob_.sections.constants.bytes) {
                return fail(Errc::unsupported, "constants of the cached blob overlap");
            }
        }
        return {};
    }

    Result<void> place_runs() {
        for (const auto i : in_order_of_sources()) {
            const auto [source, offset] = *wanted_[i];
            const auto bytes = blob_.constants[i].bytes;
            if (offset > k_cpu_blob_bytes_max || bytes > k_cpu_blob_bytes_max - offset) {
                return fail(Errc::invalid_argument, "a constant cannot lie that far in a file");
            }
            if (!continues(source, offset)) {
                const auto begin = offset / page_bytes_ * page_bytes_;
                next_ = rounded_up(next_, page_bytes_);
                runs.push_back({source, begin, next_, 0});
            }
            auto& run = runs.back();
            offsets[i] = run.blob_offset + (offset - run.source_offset);
            run.bytes = std::max(run.bytes, offset + bytes - run.source_offset);
            next_ = run.blob_offset + run.bytes;
            if (next_ > k_cpu_blob_bytes_max) {
                return fail(Errc::invalid_argument, "the cached blob would become too large");
            }
        }
        if (!runs.empty()) next_ = rounded_up(next_, page_bytes_);
        return {};
    }

    [[nodiscard]] std::uint64_t end() const { return next_; }

    std::vector<std::uint64_t> offsets;
    std::vector<CpuRun> runs;

private:
    static constexpr std::uint64_t k_small_alignment_bytes = 8;

    [[nodiscard]] std::vector<std::size_t> in_order_of_sources() const {
        std::vector<std::size_t> order(wanted_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::erase_if(order, [&](std::size_t i) { return !wanted_[i]; });
        std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(*wanted_[i], i); });
        return order;
    }

    [[nodiscard]] bool continues(std::uint32_t source, std::uint64_t offset) const {
        if (runs.empty() || runs.back().source != source) return false;
        const auto end = runs.back().source_offset + runs.back().bytes;
        return offset <= end + k_run_gap_bytes_max;
    }

    const CpuBlob& blob_;
    std::span<const std::optional<Elsewhere>> wanted_;
    std::uint64_t page_bytes_;
    std::uint64_t next_;
};

// Pads the custom data with blanks, so that constants that are aligned in the blob are also aligned
// in the constants section: a plugin that reads from a stream copies that section.
std::vector<std::byte> padded_head(const CpuBlob& blob) {
    auto head = blob.head;
    head.resize(rounded_up(head.size(), k_cpu_alignment_bytes), std::byte{' '});
    return head;
}

void write_numbers(std::vector<std::byte>& head, std::uint64_t numbers,
                   std::initializer_list<std::uint64_t> values) {
    std::vector<std::byte> bytes;
    for (const auto value : values) append_u64(bytes, value);
    std::ranges::copy(bytes, head.begin() + static_cast<std::ptrdiff_t>(numbers));
}

// Returns the topology with the new offsets.
std::string with_offsets(const CpuBlob& blob, const std::vector<std::uint64_t>& offsets,
                         std::uint64_t section) {
    const std::string_view text = blob.topology;
    std::string changed;
    changed.reserve(text.size() + text.size() / 16);
    std::size_t copied = 0;
    for (const auto& mention : blob.mentions) {
        changed.append(text, copied, mention.position - copied);
        copied = mention.position + mention.digits;
        // An empty constant can lie anywhere.
        std::uint64_t offset = 0;
        if (mention.bytes > 0) {
            const CpuConstant constant{blob.sections.constants.offset + mention.offset,
                                       mention.bytes};
            const auto at = std::ranges::lower_bound(blob.constants, constant);
            offset = offsets[static_cast<std::size_t>(at - blob.constants.begin())] - section;
        }
        changed.append(std::to_string(offset));
    }
    return changed.append(text, copied);
}

bool are_before(const CpuBlob& blob, std::span<const std::optional<Elsewhere>> wanted,
                std::span<const std::size_t> same_as) {
    if (same_as.empty()) return true;
    if (same_as.size() != blob.constants.size()) return false;
    for (std::size_t i = 0; i < same_as.size(); ++i) {
        const auto other = same_as[i];
        if (other > i || blob.constants[other].bytes != blob.constants[i].bytes) return false;
        if (wanted[other].has_value() != wanted[i].has_value()) return false;
    }
    return true;
}

}  // namespace

Result<CpuLayout> relayout(const CpuBlob& blob, std::span<const std::optional<Elsewhere>> wanted,
                           std::uint64_t page_bytes, std::span<const std::size_t> same_as) {
    if (wanted.size() != blob.constants.size() || !are_before(blob, wanted, same_as) ||
        !std::has_single_bit(page_bytes) || page_bytes < k_page_bytes_min ||
        page_bytes > k_page_bytes_max) {
        return fail(Errc::invalid_argument, "constants cannot be placed at these offsets");
    }
    CpuLayout layout;
    layout.head = padded_head(blob);
    const std::uint64_t section = layout.head.size();
    Placing placing(blob, wanted, page_bytes, section);
    if (auto packed = placing.pack(same_as); !packed) return fail(std::move(packed.error()));
    if (auto placed = placing.place_runs(); !placed) return fail(std::move(placed.error()));
    layout.topology_offset = placing.end();
    layout.offsets = std::move(placing.offsets);
    layout.runs = std::move(placing.runs);
    const auto text = blob.key.apply(with_offsets(blob, layout.offsets, section));
    layout.topology.assign(as_bytes_of(text).begin(), as_bytes_of(text).end());
    layout.blob_bytes = layout.topology_offset + layout.topology.size();
    const auto numbers = blob.sections.numbers;
    const auto custom = blob.sections.custom.offset;
    write_numbers(
        layout.head, numbers,
        {custom - numbers, section - custom, section - numbers, layout.topology_offset - section,
         layout.topology_offset - numbers, layout.topology.size()});
    return layout;
}

}  // namespace larder::internal::format
