#include "cache/identify/encrypted_blob.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "format/encrypted.h"
#include "process/private_memory.h"

namespace larder::internal::cache {
namespace {

using format::k_piece_bytes;
using format::k_piece_length_bytes;
using Length = std::array<std::byte, k_piece_length_bytes>;

constexpr unsigned k_byte_bits = 8;

Length length_of(const std::string& text) {
    Length length{};
    auto rest = static_cast<std::uint64_t>(text.size());
    for (auto& byte : length) {
        byte = static_cast<std::byte>(rest);
        rest >>= k_byte_bits;
    }
    return length;
}

// Returns the first encrypted piece of `rest` and advances `rest` past it; nothing if it is cut
// short.
std::optional<std::string> next_text(std::span<const std::byte>& rest) {
    if (rest.size() < k_piece_length_bytes) return std::nullopt;
    std::uint64_t length = 0;
    for (std::size_t i = k_piece_length_bytes; i-- > 0;) {
        length = length << k_byte_bits | static_cast<std::uint64_t>(rest[i]);
    }
    rest = rest.subspan(k_piece_length_bytes);
    if (length > rest.size()) return std::nullopt;
    std::string text(reinterpret_cast<const char*>(rest.data()), length);
    rest = rest.subspan(length);
    return text;
}

tl::unexpected<Error> other_callbacks() {
    return fail(Errc::incompatible, "it was encrypted by other callbacks");
}

// Long enough that two encryption keys do not give the same ciphertext by chance.
constexpr const char* k_probe =
    "larder encrypts this text to tell the callbacks of one program from those of another";

}  // namespace

Result<std::string> name_of(const runtime::Encryption& encryption) {
    const auto once = encryption.encrypt(k_probe);
    if (!once) return fail(once.error());
    const auto again = encryption.encrypt(k_probe);
    if (!again) return fail(again.error());
    if (*once != *again) return varying_encryption(0);
    Hasher hasher("larder encryption 1");
    return "callbacks " + hasher.update_field(*once).finish().hex();
}

std::string varying_encryption(unsigned number) {
    return "callbacks that vary, number " + std::to_string(number + 1);
}

Result<void> MemorySink::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    size_bytes_ = std::max(size_bytes_, offset + bytes.size());
    while (!bytes.empty()) {
        const auto index = static_cast<std::size_t>(offset / k_piece_bytes);
        const auto start = static_cast<std::size_t>(offset % k_piece_bytes);
        const auto count = std::min<std::size_t>(bytes.size(), k_piece_bytes - start);
        if (pieces_.size() <= index) pieces_.resize(index + 1);
        auto& piece = pieces_[index];
        if (piece.size() < start + count) piece.resize(start + count);
        std::ranges::copy(bytes.first(count), piece.begin() + static_cast<std::ptrdiff_t>(start));
        bytes = bytes.subspan(count);
        offset += count;
    }
    return {};
}

Result<void> MemorySink::encrypt_into(store::StagedFile& file, const format::Key& key,
                                      const runtime::Encryption& encryption) const {
    std::uint64_t position = 0;
    for (std::uint64_t i = 0; i < format::piece_count(size_bytes_); ++i) {
        std::vector<std::byte> bytes;
        if (i < pieces_.size()) bytes = pieces_[i];
        bytes.resize(format::piece_bytes(size_bytes_, i));
        const auto text = format::encode_piece({key, size_bytes_, i}, bytes);
        const auto encrypted = encryption.encrypt(text);
        if (!encrypted) return fail(encrypted.error());
        // Checked on the first piece only: callbacks that lose bytes do so on any piece.
        if (i == 0) {
            const auto decrypted = encryption.decrypt(*encrypted);
            if (!decrypted || *decrypted != text) {
                return fail(Errc::unsupported,
                            "the program's callbacks do not decrypt what they encrypted");
            }
        }
        const auto length = length_of(*encrypted);
        if (auto done = file.write_at(position, length); !done) return done;
        position += length.size();
        auto done = file.write_at(position, std::as_bytes(std::span(*encrypted)));
        if (!done) return done;
        position += encrypted->size();
    }
    return {};
}

Result<std::shared_ptr<os::Mapping>> decrypt(std::span<const std::byte> object,
                                             const format::Key& key,
                                             const runtime::Encryption& encryption) {
    std::optional<process::PrivateMemory> memory;
    std::uint64_t size_bytes = 0;
    std::uint64_t count = 1;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto encrypted = next_text(object);
        if (!encrypted) return other_callbacks();
        const auto text = encryption.decrypt(*encrypted);
        if (!text) return other_callbacks();
        const auto piece = format::decode_piece(*text);
        if (!piece) return fail(piece.error());
        if (i == 0) {
            size_bytes = piece->place.blob_bytes;
            count = format::piece_count(size_bytes);
            auto reserved = process::PrivateMemory::reserve(size_bytes);
            if (!reserved) return fail(std::move(reserved.error()));
            memory.emplace(std::move(*reserved));
        }
        if (piece->place != format::PiecePlace{key, size_bytes, i}) return other_callbacks();
        const auto into = memory->bytes().subspan(i * k_piece_bytes, piece->bytes.size());
        process::PrivateMemory::bring_in(into);
        std::ranges::copy(piece->bytes, into.begin());
    }
    if (!object.empty()) return other_callbacks();
    return std::move(*memory).seal();
}

}  // namespace larder::internal::cache
