// store/compression/frame_codec.h: one frame, compressed and decompressed.
#include "store/compression/frame_codec.h"

#include <random>
#include <string>

#include "harness.h"

namespace larder::internal::store {
namespace {

using format::FrameMethod;

constexpr FrameMethod k_methods[] = {FrameMethod::stored, FrameMethod::zstd,
                                     FrameMethod::shuffled_by_2_zstd,
                                     FrameMethod::shuffled_by_4_zstd};

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string unpacked(const PackedFrame& packed, std::size_t size) {
    std::string text(size, '?');
    const auto done = FrameUnpacker().unpack(packed, std::as_writable_bytes(std::span(text)));
    return done ? text : "error: " + done.error().message();
}

TEST(FrameCodec, GivesBackWhatItWasGiven) {
    FramePacker packer;
    for (const std::size_t size : {1U, 2U, 3U, 4U, 5U, 7U, 1'000U, 131'073U, 1'000'003U}) {
        for (const auto& frame : {content_of("x", 1, size), random_text(size, size),
                                  halves_as_floats(size, size), std::string(size, '\0')}) {
            for (const auto method : k_methods) {
                const auto packed = packer.pack(bytes_of(frame), method);
                ASSERT_TRUE(packed) << packed.error().message();
                EXPECT_LE(packed->bytes.size(), size);
                EXPECT_EQ(packed->method == FrameMethod::stored, packed->bytes.size() == size);
                EXPECT_TRUE(unpacked(*packed, size) == frame) << size;
            }
        }
    }
}

TEST(FrameCodec, ChoosesByWhatTheBytesAre) {
    constexpr std::size_t k_size = std::size_t{1} << 20;
    FramePacker packer;
    const auto chosen = [&](const std::string& frame) {
        const auto choice = packer.choose(bytes_of(frame));
        EXPECT_TRUE(choice);
        const auto packed = packer.pack(bytes_of(frame), choice->method);
        EXPECT_TRUE(packed);
        // The estimate is approximately correct.
        EXPECT_NEAR(static_cast<double>(choice->estimated_bytes),
                    static_cast<double>(packed->bytes.size()), 50'000);
        return choice->method;
    };
    EXPECT_EQ(chosen(random_text(k_size, 1)), FrameMethod::stored);
    EXPECT_EQ(chosen(halves_as_floats(k_size, 1)), FrameMethod::shuffled_by_4_zstd);
    // Every other byte is one of few.
    auto halves = random_text(k_size, 2);
    for (std::size_t i = 1; i < halves.size(); i += 2) halves[i] = static_cast<char>(halves[i] & 7);
    const auto method = chosen(halves);
    EXPECT_TRUE(method == FrameMethod::shuffled_by_2_zstd ||
                method == FrameMethod::shuffled_by_4_zstd);
    std::string repeated;
    while (repeated.size() < k_size) repeated += random_text(8'209, 3);
    repeated.resize(k_size);
    EXPECT_EQ(packer.choose(bytes_of(repeated))->method, FrameMethod::zstd);
    EXPECT_EQ(packer.choose({})->method, FrameMethod::stored);
}

TEST(FrameCodec, HalvesTheSizeOfWhatCameFromHalves) {
    const auto frame = halves_as_floats(std::size_t{4} << 20, 1);
    FramePacker packer;
    const auto packed = packer.pack(bytes_of(frame), packer.choose(bytes_of(frame))->method);
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->bytes.size(), frame.size() / 2);
}

TEST(FrameCodec, OfDamagedBytesNeverReachesOutside) {
    const auto frame = halves_as_floats(20'000, 1);
    FramePacker packer;
    std::mt19937 random(1);
    for (const auto method : k_methods) {
        const auto packed = packer.pack(bytes_of(frame), method);
        const std::string whole(reinterpret_cast<const char*>(packed->bytes.data()),
                                packed->bytes.size());
        for (int i = 0; i < 3'000; ++i) {
            auto damaged = whole;
            for (auto changes = 1 + random() % 3; changes > 0; --changes) {
                damaged[random() % damaged.size()] = static_cast<char>(random());
            }
            if (i % 10 == 0) damaged.resize(random() % damaged.size());
            // The sanitizers check this, too; here: no byte is written behind the end.
            std::string target(frame.size() + 64, '#');
            const auto bytes = std::as_writable_bytes(std::span(target)).first(frame.size());
            const auto done = FrameUnpacker().unpack({packed->method, bytes_of(damaged)}, bytes);
            ASSERT_EQ(target.substr(frame.size()), std::string(64, '#'));
            if (!done) {
                ASSERT_EQ(done.error().code, Errc::damaged);
            }
        }
        for (const std::size_t size : {frame.size() - 1, frame.size() + 1}) {
            EXPECT_NE(unpacked({packed->method, bytes_of(whole)}, size).find("error"),
                      std::string::npos);
        }
    }
}

}  // namespace
}  // namespace larder::internal::store
