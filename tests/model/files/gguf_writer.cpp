#include "model_files/gguf_writer.h"

namespace larder::internal::model_files {
namespace {

constexpr std::uint32_t k_text = 8;
constexpr std::uint32_t k_array = 9;

}  // namespace

std::string text(std::string_view value) {
    return little_endian(std::uint64_t{value.size()}) + std::string(value);
}

std::string pair(std::string_view key, std::uint32_t type, std::string_view value) {
    return text(key) + little_endian(type) + std::string(value);
}

std::string pair_u16(std::string_view key, std::uint16_t value) {
    return pair(key, 2, little_endian(value));
}

std::string pair_u32(std::string_view key, std::uint32_t value) {
    return pair(key, 4, little_endian(value));
}

std::string pair_text(std::string_view key, std::string_view value) {
    return pair(key, k_text, text(value));
}

std::string GgufFile::bytes() const {
    std::string result = "GGUF" + little_endian(version) +
                         little_endian(std::uint64_t{tensors.size()}) +
                         little_endian(std::uint64_t{pairs.size()});
    for (const auto& pair : pairs) result += pair;
    for (const auto& tensor : tensors) {
        result += text(tensor.name);
        result += little_endian(static_cast<std::uint32_t>(tensor.lengths.size()));
        for (const auto length : tensor.lengths) result += little_endian(length);
        result += little_endian(tensor.type) + little_endian(tensor.offset);
    }
    const auto begin = (result.size() + alignment - 1) / alignment * alignment;
    result.resize(begin, '\0');
    return result + data;
}

GgufFile small_gguf() {
    GgufFile file;
    file.pairs = {
        pair_text("general.architecture", "llama"),
        pair("flag", 7, std::string(1, '\1')),
        pair("small", 0, std::string(1, '\7')),
        pair_u32("llama.block_count", 1),
        pair("eps", 6, little_endian(std::uint32_t{0x3f800000})),
        pair("large", 10, little_endian(std::uint64_t{1} << 40)),
        pair("tokens", k_array,
             little_endian(k_text) + little_endian(std::uint64_t{3}) + text("a") + text("") +
                 text("ccc")),
        pair("scores", k_array,
             little_endian(std::uint32_t{6}) + little_endian(std::uint64_t{2}) +
                 std::string(8, '\0')),
    };
    // 8 floats, and 2 blocks of 32 elements in 18 bytes.
    file.tensors = {{"norm", {8}, 0, 0}, {"weight", {32, 2}, 2, 32}};
    file.data = std::string(32, 'n') + std::string(36, 'w');
    return file;
}

GgufFile gguf_shard(std::uint16_t shard, std::uint16_t count) {
    auto file = small_gguf();
    file.pairs.push_back(pair_u16("split.no", shard));
    file.pairs.push_back(pair_u16("split.count", count));
    file.data[0] = static_cast<char>('a' + shard);
    return file;
}

}  // namespace larder::internal::model_files
