// The input of the parsers: an open file or, in tests, bytes in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::model {

class ByteSource {
public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    // Fills `buffer` or fails: Errc::damaged past the end.
    [[nodiscard]] virtual Result<void> read_at(std::uint64_t offset,
                                               std::span<std::byte> buffer) = 0;
};

// `file` must outlive it.
class FileSource final : public ByteSource {
public:
    FileSource(os::File& file, std::uint64_t size_bytes) : file_(file), size_bytes_(size_bytes) {}

    std::uint64_t size_bytes() const override { return size_bytes_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> buffer) override;

private:
    os::File& file_;
    std::uint64_t size_bytes_;
};

// The memory of `bytes` must outlive it.
class MemorySource final : public ByteSource {
public:
    explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

    std::uint64_t size_bytes() const override { return bytes_.size(); }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> buffer) override;

private:
    std::span<const std::byte> bytes_;
};

}  // namespace larder::internal::model
