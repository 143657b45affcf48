// Finding bytes again that somebody has seen before, wherever they lie now. Works on memory alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace larder::internal::store {

// What is looked up.
inline constexpr std::uint64_t k_window_bytes = 64;

// Some ranges of memory, known by a window in each stretch of them: whoever looks up each window of
// something that is the same over a stretch and a window more, finds it. Keeps at most 32 MB, of
// which what is not found costs nothing. The ranges must outlive it.
class Windows {
public:
    struct Place {
        std::uint32_t range = 0;
        std::uint64_t offset = 0;  // in it
    };

    // `stretch_bytes_min` is what a stretch is made of unless that would be too many. `has_read`,
    // which may be empty, is called behind every few megabytes.
    Windows(std::vector<std::span<const std::byte>> ranges, std::uint64_t stretch_bytes_min,
            const std::function<void()>& has_read = {});

    [[nodiscard]] std::uint64_t stretch_bytes() const { return stretch_bytes_; }
    [[nodiscard]] std::span<const std::byte> range(std::uint32_t number) const {
        return ranges_[number];
    }
    // Where a range has the same k_window_bytes. The first of several that are the same counts;
    // zeros and other fillings are nowhere.
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
    std::vector<std::uint64_t> begins_;  // of each range among all
    std::uint64_t stretch_bytes_ = 0;
    std::vector<Slot> slots_;
};

// How many bytes at the beginning of both are the same.
[[nodiscard]] std::uint64_t common_prefix_bytes(std::span<const std::byte> a,
                                                std::span<const std::byte> b);
// How many bytes before both are the same, of at most `bytes_max`.
[[nodiscard]] std::uint64_t common_suffix_bytes(const std::byte* a_end, const std::byte* b_end,
                                                std::uint64_t bytes_max);

}  // namespace larder::internal::store
