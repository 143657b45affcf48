// Writes minimal GGUF files for a parser.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::model_files {

template <std::unsigned_integral T>
[[nodiscard]] std::string little_endian(T value) {
    std::string bytes;
    for (unsigned i = 0; i < sizeof value; ++i) {
        bytes += static_cast<char>((std::uint64_t{value} >> (8 * i)) & 0xff);
    }
    return bytes;
}

struct GgufTensor {
    std::string name;
    std::vector<std::uint64_t> lengths;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
};

struct GgufFile {
    std::uint32_t version = 3;
    std::vector<std::string> pairs;  // of the metadata, made by the functions below
    std::vector<GgufTensor> tensors;
    std::uint64_t alignment = 32;  // of the data; add a pair that says so if it is another
    std::string data;

    [[nodiscard]] std::string bytes() const;
};

[[nodiscard]] std::string text(std::string_view value);
[[nodiscard]] std::string pair(std::string_view key, std::uint32_t type, std::string_view value);
[[nodiscard]] std::string pair_u16(std::string_view key, std::uint16_t value);
[[nodiscard]] std::string pair_u32(std::string_view key, std::uint32_t value);
[[nodiscard]] std::string pair_text(std::string_view key, std::string_view value);

// A model of two tensors, F32 and Q4_0, with a little metadata of every type.
[[nodiscard]] GgufFile small_gguf();
// The same as shard `shard`, counted from 0, of `count`.
[[nodiscard]] GgufFile gguf_shard(std::uint16_t shard, std::uint16_t count);

}  // namespace larder::internal::model_files
