#include "base/digest.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <blake3.h>

#include "base/hex.h"

namespace larder::internal {

namespace {

// BLAKE3 1.3 detects the CPU's features at its first block and writes them to a plain variable:
// that block is hashed here, once, before any thread can hash another.
void detect_cpu_features_once() {
    [[maybe_unused]] static const bool detected = [] {
        blake3_hasher hasher;
        blake3_hasher_init(&hasher);
        std::array<std::uint8_t, Digest::k_size_bytes> ignored{};
        blake3_hasher_finalize(&hasher, ignored.data(), ignored.size());
        return true;
    }();
}

}  // namespace

// Collects small pieces: a call of BLAKE3 costs as much as hashing fifty bytes.
struct Hasher::State {
    State() { detect_cpu_features_once(); }

    void flush() {
        blake3_hasher_update(&hasher, collected.data(), collected_bytes);
        collected_bytes = 0;
    }

    static constexpr std::size_t k_small_bytes = 256;

    blake3_hasher hasher;
    std::array<std::byte, 2 * std::size_t{1024}> collected;
    std::size_t collected_bytes = 0;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { blake3_hasher_init(&state_->hasher); }

Hasher::Hasher(std::string_view context) : state_(std::make_unique<State>()) {
    blake3_hasher_init_derive_key_raw(&state_->hasher, context.data(), context.size());
}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

Hasher& Hasher::update(std::span<const std::byte> bytes) {
    auto& state = *state_;
    if (state.collected_bytes + bytes.size() > state.collected.size()) state.flush();
    if (bytes.size() > State::k_small_bytes) {
        state.flush();
        blake3_hasher_update(&state.hasher, bytes.data(), bytes.size());
    } else {
        std::ranges::copy(
            bytes, state.collected.begin() + static_cast<std::ptrdiff_t>(state.collected_bytes));
        state.collected_bytes += bytes.size();
    }
    return *this;
}

Hasher& Hasher::update_field(std::string_view text) {
    update_u64(text.size());
    return update(std::as_bytes(std::span(text.data(), text.size())));
}

Hasher& Hasher::update_u64(std::uint64_t value) {
    std::array<std::byte, 8> bytes{};
    for (auto& byte : bytes) {
        byte = static_cast<std::byte>(value & 0xff);
        value >>= 8;
    }
    return update(bytes);
}

Digest Hasher::finish() const {
    Digest digest;
    state_->flush();
    blake3_hasher_finalize(&state_->hasher, digest.bytes.data(), digest.bytes.size());
    return digest;
}

std::string Digest::hex() const { return to_hex(bytes); }

Result<Digest> Digest::from_hex(std::string_view text) {
    Digest digest;
    if (!read_hex(text, digest.bytes)) {
        return fail(Errc::invalid_argument, "a digest has 64 hexadecimal characters");
    }
    return digest;
}

Digest hash_bytes(std::span<const std::byte> bytes) { return Hasher().update(bytes).finish(); }

Digest combine_chunks(std::uint64_t total_bytes, std::span<const Digest> chunks) {
    Hasher hasher("larder chunks 1");
    hasher.update_u64(total_bytes).update_u64(k_chunk_size_bytes);
    for (const auto& chunk : chunks) hasher.update(std::as_bytes(std::span(chunk.bytes)));
    return hasher.finish();
}

Digest hash_chunked(std::span<const std::byte> bytes) {
    std::vector<Digest> chunks;
    chunks.reserve(chunk_count(bytes.size()));
    for (std::size_t offset = 0; offset < bytes.size(); offset += k_chunk_size_bytes) {
        const auto size = std::min<std::size_t>(k_chunk_size_bytes, bytes.size() - offset);
        chunks.push_back(hash_bytes(bytes.subspan(offset, size)));
    }
    return combine_chunks(bytes.size(), chunks);
}

}  // namespace larder::internal

std::size_t std::hash<larder::internal::Digest>::operator()(
    const larder::internal::Digest& digest) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
}
