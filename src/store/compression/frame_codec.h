// Compresses and decompresses one frame of a blob (format/compressed.h). Works on memory alone.
// Private to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "format/compressed.h"

namespace larder::internal::store {

// Memory that is reused from one frame to the next.
class FrameBuffer {
public:
    // Discards the former content.
    [[nodiscard]] std::span<std::byte> of(std::size_t size_bytes) {
        if (size_bytes > size_bytes_) {
            bytes_ = std::make_unique_for_overwrite<std::byte[]>(size_bytes);
            size_bytes_ = size_bytes;
        }
        return {bytes_.get(), size_bytes};
    }

private:
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_bytes_ = 0;
};

struct MethodChoice {
    format::FrameMethod method = format::FrameMethod::stored;
    std::uint64_t estimated_bytes = 0;
};

struct PackedFrame {
    format::FrameMethod method = format::FrameMethod::stored;
    std::span<const std::byte> bytes;
};

// Used by one thread. Allocates memory for a frame at its first use.
class FramePacker {
public:
    FramePacker();
    FramePacker(const FramePacker&) = delete;
    FramePacker& operator=(const FramePacker&) = delete;
    ~FramePacker();

    // Returns the method that makes a sample of the frame smallest, and the size that the frame
    // then takes.
    [[nodiscard]] Result<MethodChoice> choose(std::span<const std::byte> frame);
    // Compresses the frame, or stores it if that gains nothing. The bytes are the frame's own or
    // this packer's, valid until the next call.
    [[nodiscard]] Result<PackedFrame> pack(std::span<const std::byte> frame,
                                           format::FrameMethod method);

private:
    struct Buffers;

    // Returns the size that a piece of a frame takes.
    [[nodiscard]] Result<std::uint64_t> pack_sample(std::span<const std::byte> piece,
                                                    format::FrameMethod method);

    std::unique_ptr<Buffers> buffers_;
};

// Used by one thread.
class FrameUnpacker {
public:
    FrameUnpacker();
    FrameUnpacker(const FrameUnpacker&) = delete;
    FrameUnpacker& operator=(const FrameUnpacker&) = delete;
    ~FrameUnpacker();

    // Fills `frame`. Errc::damaged if `packed` does not decompress to exactly that many bytes.
    [[nodiscard]] Result<void> unpack(const PackedFrame& packed, std::span<std::byte> frame);

private:
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
};

}  // namespace larder::internal::store
