#include "remote/address.h"

#include <charconv>
#include <optional>

#include "remote/directory_tier.h"

namespace larder::internal::remote {
namespace {

constexpr std::string_view k_scheme = "file://";
constexpr const char* k_known =
    "give file:///DIRECTORY, with ?read-only or ?unsigned where that is meant";

std::optional<std::string> decode_percent(std::string_view text) {
    std::string decoded;
    constexpr int k_base = 16;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        unsigned byte = 0;
        const auto* const end = text.data() + i + 3;
        if (std::from_chars(text.data() + i + 1, end, byte, k_base).ptr != end) return std::nullopt;
        if (byte == 0) return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

}  // namespace

Result<Address> parse_address(std::string_view url) {
    const auto refuse = [&](const std::string& what) {
        return fail(Errc::invalid_argument, what, std::string(url), k_known);
    };
    if (!url.starts_with(k_scheme)) return refuse("not a kind of storage that larder supports:");
    auto rest = url.substr(k_scheme.size());
    std::string_view flags;
    if (const auto question = rest.find('?'); question != std::string_view::npos) {
        flags = rest.substr(question + 1);
        rest = rest.substr(0, question);
    }
    const auto path = decode_percent(rest);
    if (!path) return refuse("a percent sign is not followed by two hexadecimal digits:");
    if (!path->starts_with('/')) return refuse("the directory's path must be absolute:");
    Address address;
    address.path = os::absolute_path(*path);
    while (address.path.size() > 1 && address.path.ends_with('/')) address.path.pop_back();
    while (!flags.empty()) {
        const auto end = flags.find('&');
        const auto flag = flags.substr(0, end);
        flags = end == std::string_view::npos ? std::string_view{} : flags.substr(end + 1);
        if (flag == "read-only") {
            address.is_read_only = true;
        } else if (flag == "unsigned") {
            address.is_unsigned = true;
        } else {
            return refuse("'" + std::string(flag) + "' is no setting of a storage:");
        }
    }
    return address;
}

std::unique_ptr<Tier> open_tier(const os::System& system, const Address& address) {
    return std::make_unique<DirectoryTier>(system, address.path);
}

Result<std::string> read_text(Tier& tier, const std::string& name, std::uint64_t bytes_max) {
    std::string text;
    auto done = tier.read(name, [&](std::span<const std::byte> bytes) -> Result<void> {
        if (text.size() + bytes.size() > bytes_max) {
            return fail(Errc::damaged, "longer than it can be:", tier.url() + "/" + name);
        }
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
    if (!done) return fail(std::move(done.error()));
    return text;
}

}  // namespace larder::internal::remote
