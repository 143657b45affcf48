// Finds bytes again that were seen before, at any other place. Works on memory alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace larder::internal::store {

// The length of a window, the unit of lookup.
inline constexpr std::uint64_t k_window_bytes = 64;

// An index of ranges of memory by one window in each stretch: looking up every window of some bytes
// finds them if they equal a range over a stretch plus one window. Uses at most 32 MB; windows that
// are not found cost little. The ranges must outlive it.
class Windows {
public:
    struct Place {
        std::uint32_t range = 0;
        std::uint64_t offset = 0;  // in the range
    };

    // A stretch has `stretch_bytes_min`, or more if there would be too many of them. `has_read`,
    // which may be empty, is called after every few megabytes.
    Windows(std::vector<std::span<const std::byte>> ranges, std::uint64_t stretch_bytes_min,
            const std::function<void()>& has_read = {});

    [[nodiscard]] std::uint64_t stretch_bytes() const { return stretch_bytes_; }
    [[nodiscard]] std::span<const std::byte> range(std::uint32_t number) const {
        return ranges_[number];
    }
    // Finds a range with the same k_window_bytes. Of several equal ones the first counts; zeros and
    // other fillings are not found.
    [[nodiscard]] std::optional<Place> find(const std::byte* window) const;

private:
    struct Slot {
        std::uint64_t position : 47 = 0;  // in all ranges, one after the other
        std::uint64_t tag : 16 = 0;
        std::uint64_t used : 1 = 0;
    };

    [[nodiscard]] std::uint64_t mask() const { return slots_.size() - 1; }
    [[nodiscard]] Place place_of(std::uint64_t position) const;
    void insert(const std::byte* window, std::uint64_t position);

    std::vector<std::span<const std::byte>> ranges_;
    std::vector<std::uint64_t> begins_;  // the position of each range's beginning
    std::uint64_t stretch_bytes_ = 0;
    std::vector<Slot> slots_;
};

// Returns how many bytes at the beginning of both are the same.
[[nodiscard]] std::uint64_t common_prefix_bytes(std::span<const std::byte> a,
                                                std::span<const std::byte> b);
// Returns how many bytes before both ends are the same, at most `bytes_max`.
[[nodiscard]] std::uint64_t common_suffix_bytes(const std::byte* a_end, const std::byte* b_end,
                                                std::uint64_t bytes_max);

}  // namespace larder::internal::store
