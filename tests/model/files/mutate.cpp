#include "model_files/mutate.h"

#include <array>
#include <cstdint>

namespace larder::internal::model_files {
namespace {

constexpr std::size_t k_size_bytes_max = std::size_t{1} << 16;

std::size_t below(std::size_t limit, std::mt19937_64& random) {
    return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit);
}

void write_extreme(std::string& bytes, std::mt19937_64& random) {
    constexpr std::array<std::uint64_t, 8> k_values = {
        0, 1, 0x7f, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff, 0x10000};
    const auto value = k_values[below(k_values.size(), random)];
    const auto size = std::size_t{1} << below(4, random);
    const auto at = below(bytes.size(), random);
    for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i) {
        bytes[at + i] = static_cast<char>((value >> (8 * i)) & 0xff);
    }
}

void change_once(std::string& bytes, std::mt19937_64& random) {
    const auto at = below(bytes.size(), random);
    const auto size = 1 + below(32, random);
    switch (below(7, random)) {
        case 0: bytes[at] = static_cast<char>(random() & 0xff); break;
        case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8, random))); break;
        case 2: bytes.resize(at); break;
        case 3: bytes.erase(at, size); break;
        case 4: bytes.insert(at, bytes.substr(below(bytes.size(), random), size)); break;
        case 5: bytes.insert(at, size, static_cast<char>(random() & 0xff)); break;
        default: write_extreme(bytes, random); break;
    }
    if (bytes.size() > k_size_bytes_max) bytes.resize(k_size_bytes_max);
}

}  // namespace

std::string mutate(std::string bytes, std::mt19937_64& random) {
    const auto changes = 1 + below(6, random);
    for (std::size_t i = 0; i < changes && !bytes.empty(); ++i) change_once(bytes, random);
    return bytes;
}

}  // namespace larder::internal::model_files
