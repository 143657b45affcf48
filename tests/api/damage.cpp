#include "damage.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace larder::testing {
namespace fs = std::filesystem;

std::string bytes_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void put(const fs::path& file, const std::string& bytes) {
    fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::string damaged(std::string bytes, std::mt19937& random) {
    const auto below = [&](std::size_t end) {
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
    };
    const auto before = bytes;
    switch (below(7)) {
        case 0: bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8)); break;
        case 1: {  // a page of zeros
            const auto at = below(bytes.size()) / 4096 * 4096;
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                        std::min<std::size_t>(4096, bytes.size() - at), '\0');
            break;
        }
        case 2: bytes.resize(below(bytes.size())); break;
        case 3: bytes.append(1 + below(5000), static_cast<char>(below(256))); break;
        case 4:  // a header of garbage
            for (std::size_t i = 0; i < std::min<std::size_t>(256, bytes.size()); ++i) {
                bytes[i] = static_cast<char>(below(256));
            }
            break;
        case 5: {  // two parts swap their places
            const auto size = std::min<std::size_t>(64, bytes.size() / 4);
            const auto a = below(bytes.size() / 2 - size);
            const auto b = bytes.size() / 2 + below(bytes.size() / 2 - size);
            std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a),
                             bytes.begin() + static_cast<std::ptrdiff_t>(a + size),
                             bytes.begin() + static_cast<std::ptrdiff_t>(b));
            break;
        }
        default:
            for (int i = 0; i < 16; ++i) bytes[below(bytes.size())] = static_cast<char>(below(256));
    }
    if (bytes == before) bytes += '!';
    return bytes;
}

fs::path object_of(const fs::path& directory, const Result& kept) {
    return directory / "objects" / kept.object_digest.substr(0, 2) / kept.object_digest;
}

fs::path manifest_of(const fs::path& directory, const Result& kept) {
    return directory / "entries" / kept.key.substr(0, 2) / (kept.key + ".json");
}

}  // namespace larder::testing
