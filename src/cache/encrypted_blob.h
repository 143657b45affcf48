// Blobs that a program keeps encrypted by callbacks of its own: what is written to the disk went
// through them, and what was read comes back into memory of this process alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/key.h"
#include "os/file_system.h"
#include "runtime/runtime.h"
#include "store/publish.h"

namespace larder::internal::cache {

// The key input that tells what a program encrypts with, and its value. A digest of how a fixed
// text is encrypted, where that is the same each time.
inline constexpr const char* k_encryption_input = "encryption";
[[nodiscard]] Result<std::string> name_of(const runtime::Encryption& encryption);
// Otherwise only decrypting tells: such a program has a few keys, and looks through them.
inline constexpr unsigned k_varying_encryptions = 4;
[[nodiscard]] std::string varying_encryption(unsigned number);

// Takes what is exported into memory: exporters go back, and pieces are encrypted once.
class MemorySink final : public runtime::BlobSink {
public:
    [[nodiscard]] Result<void> write_at(std::uint64_t offset,
                                        std::span<const std::byte> bytes) override;
    // Errc::unsupported where a callback fails, or does not give back what it was given.
    [[nodiscard]] Result<void> encrypt_into(store::StagedFile& file, const format::Key& key,
                                            const runtime::Encryption& encryption) const;

private:
    [[nodiscard]] std::span<const std::byte> piece(std::uint64_t index) const;

    std::vector<std::vector<std::byte>> pieces_;
    std::uint64_t size_bytes_ = 0;
};

// The blob in an object. Errc::incompatible where a callback throws, or what it gives is no piece
// in its place: other callbacks made it.
[[nodiscard]] Result<std::shared_ptr<os::Mapping>> decrypt(std::span<const std::byte> object,
                                                           const format::Key& key,
                                                           const runtime::Encryption& encryption);

}  // namespace larder::internal::cache
