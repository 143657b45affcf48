#include "openvino/blob_stream.h"

#include <algorithm>

#include <openvino/core/type/element_type.hpp>
#include <openvino/runtime/allocator.hpp>

namespace larder::internal::openvino {
namespace {

constexpr std::size_t k_pending_bytes_max = std::size_t{1} << 20;

// "Allocates" the bytes that exist already. The runtime reads blobs and never writes to them; the
// mapping is read-only, so that a write would be noticed at once.
class BlobAllocator {
public:
    explicit BlobAllocator(runtime::Blob blob) : blob_(std::move(blob)) {}

    void* allocate(std::size_t bytes, std::size_t /*alignment*/) {
        if (bytes != blob_.bytes.size()) throw std::bad_alloc();
        return const_cast<std::byte*>(blob_.bytes.data());
    }
    void deallocate(void* /*handle*/, std::size_t /*bytes*/, std::size_t /*alignment*/) noexcept {}
    [[nodiscard]] bool is_equal(const BlobAllocator& other) const {
        return blob_.bytes.data() == other.blob_.bytes.data();
    }

private:
    runtime::Blob blob_;
};

}  // namespace

ov::Tensor tensor_over(const runtime::Blob& blob) {
    return {ov::element::u8, ov::Shape{blob.bytes.size()}, ov::Allocator(BlobAllocator(blob))};
}

SinkBuffer::SinkBuffer(runtime::BlobSink& sink) : sink_(sink) {
    pending_.reserve(k_pending_bytes_max);
}

bool SinkBuffer::write_through(const char* data, std::size_t size) {
    if (!status_) return false;
    status_ = sink_.write_at(position_, std::as_bytes(std::span(data, size)));
    if (!status_) return false;
    position_ += size;
    end_ = std::max(end_, position_);
    return true;
}

bool SinkBuffer::flush() {
    if (pending_.empty()) return status_.has_value();
    const bool written = write_through(pending_.data(), pending_.size());
    pending_.clear();
    return written;
}

std::streamsize SinkBuffer::xsputn(const char* data, std::streamsize size) {
    const auto bytes = static_cast<std::size_t>(size);
    if (pending_.size() + bytes > k_pending_bytes_max && !flush()) return 0;
    if (bytes >= k_pending_bytes_max) return write_through(data, bytes) ? size : 0;
    pending_.insert(pending_.end(), data, data + bytes);
    return status_ ? size : 0;
}

SinkBuffer::int_type SinkBuffer::overflow(int_type c) {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char byte = traits_type::to_char_type(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
}

int SinkBuffer::sync() { return flush() ? 0 : -1; }

SinkBuffer::pos_type SinkBuffer::seekoff(off_type offset, std::ios_base::seekdir from,
                                         std::ios_base::openmode which) {
    if ((which & std::ios_base::out) == 0) return pos_type(off_type(-1));
    const auto here = static_cast<off_type>(position_ + pending_.size());
    if (offset == 0 && from == std::ios_base::cur) return here;  // tellp, called often
    if (!flush()) return pos_type(off_type(-1));
    const off_type base = from == std::ios_base::beg   ? 0
                          : from == std::ios_base::cur ? here
                                                       : static_cast<off_type>(end_);
    if (base + offset < 0) return pos_type(off_type(-1));
    position_ = static_cast<std::uint64_t>(base + offset);
    return static_cast<off_type>(position_);
}

SinkBuffer::pos_type SinkBuffer::seekpos(pos_type position, std::ios_base::openmode which) {
    return seekoff(off_type(position), std::ios_base::beg, which);
}

Result<void> SinkBuffer::finish() {
    flush();
    return status_;
}

}  // namespace larder::internal::openvino
