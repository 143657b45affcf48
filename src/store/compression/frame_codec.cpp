#include "store/compression/frame_codec.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <zstd.h>
#include <zstd_errors.h>

namespace larder::internal::store {
namespace {

using format::FrameMethod;

// Higher levels search longer for repetitions, which constants do not have: they are slower in both
// directions, and the matches that they find in noise make the result larger. For the same reason
// the other settings are those of this level for large inputs, even if the input is a small sample.
constexpr int k_level = 1;
constexpr int k_hash_log = 14;
constexpr int k_match_bytes_min = 7;
// A sample consists of this many pieces of a frame, each of this many bytes.
constexpr std::size_t k_sample_pieces = 4;
constexpr std::size_t k_sample_piece_bytes = std::size_t{32} << 10;
constexpr std::size_t k_sample_bytes = k_sample_pieces * k_sample_piece_bytes;
// Decompression takes time: frames that shrink by less than one part in this many are stored.
constexpr std::uint64_t k_gain_min = 32;

constexpr std::array k_choices = {FrameMethod::zstd, FrameMethod::shuffled_by_2_zstd,
                                  FrameMethod::shuffled_by_4_zstd};

std::size_t width_of(FrameMethod method) {
    switch (method) {
        case FrameMethod::stored:
        case FrameMethod::zstd: return 1;
        case FrameMethod::shuffled_by_2_zstd: return 2;
        case FrameMethod::shuffled_by_4_zstd: return 4;
    }
    return 1;
}

// With a width that is known at compile time, these loops become vector instructions, and are
// several times as fast as the compression around them: a library for it would gain nothing.
template <std::size_t Width>
void shuffle_by(std::span<const std::byte> from, std::byte* __restrict to) {
    const auto* const source = from.data();
    const auto count = from.size() / Width;
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = 0; k < Width; ++k) to[k * count + i] = source[i * Width + k];
    }
    std::copy(from.begin() + static_cast<std::ptrdiff_t>(count * Width), from.end(),
              to + count * Width);
}

template <std::size_t Width>
void unshuffle_by(std::span<const std::byte> from, std::byte* __restrict to) {
    const auto* const source = from.data();
    const auto count = from.size() / Width;
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = 0; k < Width; ++k) to[i * Width + k] = source[k * count + i];
    }
    std::copy(from.begin() + static_cast<std::ptrdiff_t>(count * Width), from.end(),
              to + count * Width);
}

void shuffle(std::size_t width, std::span<const std::byte> from, std::byte* to) {
    width == 2 ? shuffle_by<2>(from, to) : shuffle_by<4>(from, to);
}

void unshuffle(std::size_t width, std::span<const std::byte> from, std::byte* to) {
    width == 2 ? unshuffle_by<2>(from, to) : unshuffle_by<4>(from, to);
}

Error no_memory() { return Error::from_errno("zstd failed", {}, ENOMEM); }

std::vector<std::span<const std::byte>> sample_of(std::span<const std::byte> frame) {
    if (frame.size() <= k_sample_bytes) return {frame};
    std::vector<std::span<const std::byte>> pieces;
    for (std::size_t i = 0; i < k_sample_pieces; ++i) {
        // Constants are aligned to this.
        constexpr std::size_t k_alignment = 64;
        const auto offset = (frame.size() - k_sample_piece_bytes) * i / (k_sample_pieces - 1);
        pieces.push_back(frame.subspan(offset / k_alignment * k_alignment, k_sample_piece_bytes));
    }
    return pieces;
}

}  // namespace

struct FramePacker::Buffers {
    std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context{ZSTD_createCCtx(),
                                                                    &ZSTD_freeCCtx};
    FrameBuffer shuffled;
    FrameBuffer packed;

    Result<std::span<const std::byte>> compress(std::span<const std::byte> bytes) {
        if (!context) return fail(no_memory());
        // The settings hold for all later calls, so setting them costs almost nothing.
        const std::pair<ZSTD_cParameter, int> settings[] = {{ZSTD_c_compressionLevel, k_level},
                                                            {ZSTD_c_strategy, ZSTD_fast},
                                                            {ZSTD_c_hashLog, k_hash_log},
                                                            {ZSTD_c_minMatch, k_match_bytes_min}};
        for (const auto& [name, value] : settings) {
            ZSTD_CCtx_setParameter(context.get(), name, value);
        }
        const auto target = packed.of(ZSTD_compressBound(bytes.size()));
        const auto size =
            ZSTD_compress2(context.get(), target.data(), target.size(), bytes.data(), bytes.size());
        if (ZSTD_isError(size) != 0) {
            return fail(Errc::io, std::string("cannot compress: ") + ZSTD_getErrorName(size));
        }
        return target.first(size);
    }
    std::span<const std::byte> shuffle_by(std::size_t width, std::span<const std::byte> bytes) {
        if (width == 1) return bytes;
        const auto target = shuffled.of(bytes.size());
        shuffle(width, bytes, target.data());
        return target;
    }
};

FramePacker::FramePacker() : buffers_(std::make_unique<Buffers>()) {}
FramePacker::~FramePacker() = default;

Result<std::uint64_t> FramePacker::pack_sample(std::span<const std::byte> piece,
                                               FrameMethod method) {
    const auto width = width_of(method);
    const auto shuffled = buffers_->shuffle_by(width, piece);
    // Compresses each kind of bytes separately, as in a whole frame, where each is many blocks
    // long.
    const auto kind_bytes = std::max<std::size_t>(shuffled.size() / width, 1);
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < shuffled.size(); at += kind_bytes) {
        const auto kind = shuffled.subspan(at, std::min(kind_bytes, shuffled.size() - at));
        const auto packed = buffers_->compress(kind);
        if (!packed) return fail(packed.error());
        bytes += packed->size();
    }
    return bytes;
}

Result<MethodChoice> FramePacker::choose(std::span<const std::byte> frame) {
    const auto sample = sample_of(frame);
    std::uint64_t sample_bytes = 0;
    for (const auto& piece : sample) sample_bytes += piece.size();
    MethodChoice choice{FrameMethod::stored, frame.size()};
    if (sample_bytes == 0) return choice;
    for (const auto method : k_choices) {
        std::uint64_t bytes = 0;
        // Compresses each piece separately, too: constants that lie far apart are not alike.
        for (const auto& piece : sample) {
            const auto packed = pack_sample(piece, method);
            if (!packed) return fail(packed.error());
            bytes += *packed;
        }
        const auto estimated = bytes * frame.size() / sample_bytes;
        const bool pays = estimated < frame.size() - frame.size() / k_gain_min;
        if (pays && estimated < choice.estimated_bytes) choice = {method, estimated};
    }
    return choice;
}

Result<PackedFrame> FramePacker::pack(std::span<const std::byte> frame, FrameMethod method) {
    if (method == FrameMethod::stored) return PackedFrame{method, frame};
    const auto packed = buffers_->compress(buffers_->shuffle_by(width_of(method), frame));
    if (!packed) return fail(packed.error());
    const bool pays = packed->size() < frame.size() - frame.size() / k_gain_min;
    return pays ? PackedFrame{method, *packed} : PackedFrame{FrameMethod::stored, frame};
}

struct FrameUnpacker::Buffers {
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context{ZSTD_createDCtx(),
                                                                    &ZSTD_freeDCtx};
    FrameBuffer shuffled;
};

FrameUnpacker::FrameUnpacker() : buffers_(std::make_unique<Buffers>()) {}
FrameUnpacker::~FrameUnpacker() = default;

Result<void> FrameUnpacker::unpack(const PackedFrame& packed, std::span<std::byte> frame) {
    const auto damaged = [] { return fail(Errc::damaged, "a frame differs from the original"); };
    if (packed.method == FrameMethod::stored) {
        if (packed.bytes.size() != frame.size()) return damaged();
        std::copy(packed.bytes.begin(), packed.bytes.end(), frame.begin());
        return {};
    }
    if (!buffers_->context) return fail(no_memory());
    const auto width = width_of(packed.method);
    const auto target = width > 1 ? buffers_->shuffled.of(frame.size()) : frame;
    const auto size = ZSTD_decompressDCtx(buffers_->context.get(), target.data(), target.size(),
                                          packed.bytes.data(), packed.bytes.size());
    if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) return fail(no_memory());
    if (ZSTD_isError(size) != 0 || size != frame.size()) return damaged();
    if (width > 1) unshuffle(width, target, frame.data());
    return {};
}

}  // namespace larder::internal::store
