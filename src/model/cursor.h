// Reads forward through a ByteSource with one small window, and skips without reading.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/byte_source.h"

namespace larder::internal::model {

// The first failure persists: from then on every read returns zeros, and `failed()` is true. A loop
// over a count from the file must check it in every round.
class Cursor {
public:
    explicit Cursor(ByteSource& source);

    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::uint64_t remaining() const { return source_.size_bytes() - position_; }
    [[nodiscard]] bool failed() const { return failure_.has_value(); }
    // Call after `failed()` only.
    [[nodiscard]] const Error& failure() const { return *failure_; }
    // Records a failure that the parser found; an earlier one persists.
    void set_failure(Errc code, std::string what);

    void read(std::span<std::byte> buffer);
    void skip(std::uint64_t size_bytes);
    // Little-endian.
    template <std::unsigned_integral T>
    [[nodiscard]] T read_unsigned();
    // Reads a varint of protocol buffers: base 128, ten bytes at most.
    [[nodiscard]] std::uint64_t read_varint();
    // Errc::damaged if the text is longer than `size_bytes_max`.
    [[nodiscard]] std::string read_text(std::uint64_t size_bytes, std::uint64_t size_bytes_max);

private:
    [[nodiscard]] bool fill_window();

    ByteSource& source_;
    std::uint64_t position_ = 0;
    std::vector<std::byte> window_;
    std::uint64_t window_begin_ = 0;
    std::size_t window_size_bytes_ = 0;  // the filled part of window_
    std::optional<Error> failure_;
};

template <std::unsigned_integral T>
T Cursor::read_unsigned() {
    std::byte bytes[sizeof(T)]{};
    read(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return static_cast<T>(value);
}

}  // namespace larder::internal::model
