#include "model/cursor.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace larder::internal::model {
namespace {

// After a jump little is read, because another jump may follow: there are weights between the
// tables.
constexpr std::size_t k_window_bytes_min = std::size_t{4} << 10;
constexpr std::size_t k_window_bytes_max = std::size_t{64} << 10;

}  // namespace

Cursor::Cursor(ByteSource& source) : source_(source) {}

void Cursor::set_failure(Errc code, std::string what) {
    if (!failure_) failure_ = Error{code, 0, std::move(what), {}, {}};
}

bool Cursor::fill_window() {
    const bool onward = window_size_bytes_ != 0 && position_ == window_begin_ + window_size_bytes_;
    auto wanted = onward ? std::min(2 * window_.size(), k_window_bytes_max) : k_window_bytes_min;
    wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, remaining()));
    if (window_.size() < wanted) window_.resize(wanted);
    window_size_bytes_ = 0;
    window_begin_ = position_;
    if (auto read = source_.read_at(position_, std::span(window_).first(wanted)); !read) {
        failure_ = std::move(read.error());
        return false;
    }
    window_size_bytes_ = wanted;
    return true;
}

void Cursor::read(std::span<std::byte> buffer) {
    if (!failed() && buffer.size() > remaining())
        set_failure(Errc::damaged, "truncated: it ends inside its own tables:");
    while (!failed() && !buffer.empty()) {
        const bool inside =
            position_ >= window_begin_ && position_ - window_begin_ < window_size_bytes_;
        if (!inside && !fill_window()) break;
        const auto from = static_cast<std::size_t>(position_ - window_begin_);
        const auto size = std::min(buffer.size(), window_size_bytes_ - from);
        std::memcpy(buffer.data(), window_.data() + from, size);
        buffer = buffer.subspan(size);
        position_ += size;
    }
    std::ranges::fill(buffer, std::byte{0});
}

void Cursor::skip(std::uint64_t size_bytes) {
    if (failed()) return;
    if (size_bytes > remaining()) {
        set_failure(Errc::damaged, "truncated: it ends inside its own tables:");
        return;
    }
    position_ += size_bytes;
}

std::uint64_t Cursor::read_varint() {
    constexpr unsigned k_bits_max = 64;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < k_bits_max; shift += 7) {
        const auto byte = read_unsigned<std::uint8_t>();
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if ((byte & 0x80U) == 0) return failed() ? 0 : value;
    }
    set_failure(Errc::damaged, "a number in it is too long:");
    return 0;
}

std::string Cursor::read_text(std::uint64_t size_bytes, std::uint64_t size_bytes_max) {
    if (size_bytes > size_bytes_max) set_failure(Errc::damaged, "a text in it is too long:");
    if (!failed() && size_bytes > remaining())
        set_failure(Errc::damaged, "truncated: it ends inside its own tables:");
    if (failed()) return {};
    std::string text(static_cast<std::size_t>(size_bytes), '\0');
    read(std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace larder::internal::model
