// Blobs that a program encrypts with callbacks of its own: they go through the callbacks before
// they are written to the disk, and are decrypted into memory of this process alone.
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
#include "store/publish/publish.h"

namespace larder::internal::cache {

// The key input that identifies a program's encryption, and its value: a digest of a fixed text as
// the callbacks encrypt it, if they give the same result each time.
inline constexpr const char* k_encryption_input = "encryption";
[[nodiscard]] Result<std::string> name_of(const runtime::Encryption& encryption);
// If the results differ, only decrypting tells: such programs share a few keys, and try each of
// them.
inline constexpr unsigned k_varying_encryptions = 4;
[[nodiscard]] std::string varying_encryption(unsigned number);

// Collects the exported blob in memory: exporters write out of order, and each piece is encrypted
// once.
class MemorySink final : public runtime::BlobSink {
public:
    [[nodiscard]] Result<void> write_at(std::uint64_t offset,
                                        std::span<const std::byte> bytes) override;
    // Errc::unsupported if a callback fails, or if decrypting does not give back the original.
    [[nodiscard]] Result<void> encrypt_into(store::StagedFile& file, const format::Key& key,
                                            const runtime::Encryption& encryption) const;

private:
    [[nodiscard]] std::span<const std::byte> piece(std::uint64_t index) const;

    std::vector<std::vector<std::byte>> pieces_;
    std::uint64_t size_bytes_ = 0;
};

// Returns the blob in an object. Errc::incompatible if a callback throws, or if its result is not
// the piece for its place: the object was encrypted by other callbacks.
[[nodiscard]] Result<std::shared_ptr<os::Mapping>> decrypt(std::span<const std::byte> object,
                                                           const format::Key& key,
                                                           const runtime::Encryption& encryption);

}  // namespace larder::internal::cache
