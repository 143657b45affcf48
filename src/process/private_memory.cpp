#include "process/private_memory.h"

#include <limits>
#include <utility>

#include "os/reservation.h"
#include "process/prefault.h"

namespace larder::internal::process {
namespace {

class FilledMemory final : public os::Mapping {
public:
    FilledMemory(std::unique_ptr<os::Reservation> memory, std::uint64_t size_bytes)
        : memory_(std::move(memory)), size_bytes_(size_bytes) {}

    std::span<const std::byte> bytes() const override { return {memory_->begin(), size_bytes_}; }
    void drop_resident() noexcept override {}
    bool is_cached(std::uint64_t /*offset*/, std::uint64_t /*size_bytes*/) const noexcept override {
        return true;
    }

private:
    std::unique_ptr<os::Reservation> memory_;
    std::uint64_t size_bytes_;
};

}  // namespace

PrivateMemory::PrivateMemory(std::unique_ptr<os::Reservation> memory, std::uint64_t size_bytes)
    : memory_(std::move(memory)), size_bytes_(size_bytes) {}
PrivateMemory::PrivateMemory(PrivateMemory&&) noexcept = default;
PrivateMemory::~PrivateMemory() = default;

Result<PrivateMemory> PrivateMemory::reserve(std::uint64_t size_bytes) {
    constexpr std::uint64_t k_bytes_max = std::numeric_limits<std::int64_t>::max() / 4;
    if (size_bytes > k_bytes_max) return fail(Errc::invalid_argument, "a blob is too large");
    auto memory = std::make_unique<os::Reservation>(size_bytes, 0);
    if (!memory->is_usable()) return fail(Error::from_errno("cannot reserve memory for", "a blob"));
    return PrivateMemory{std::move(memory), size_bytes};
}

std::span<std::byte> PrivateMemory::bytes() const { return {memory_->begin(), size_bytes_}; }

void PrivateMemory::bring_in(std::span<std::byte> part) noexcept {
    prefault(part.data(), part.size());
}

Result<std::shared_ptr<os::Mapping>> PrivateMemory::seal() && {
    if (auto done = memory_->protect(); !done) return fail(std::move(done.error()));
    return std::make_shared<FilledMemory>(std::move(memory_), size_bytes_);
}

}  // namespace larder::internal::process
