#include "store/limit/account.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>

#include "base/digest.h"
#include "store/disk/locks.h"

namespace larder::internal::store {
namespace {

constexpr std::string_view k_magic = "LARDACCT";
constexpr std::uint64_t k_version = 1;
constexpr std::size_t k_words = 5;  // magic, version, bytes, counted_at_ns, check
constexpr std::chrono::seconds k_timeout{1};

using Bytes = std::array<std::byte, k_words * 8>;

void put(Bytes& bytes, std::size_t word, std::uint64_t value) {
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[word * 8 + i] = static_cast<std::byte>(value >> (8 * i));
    }
}

std::uint64_t get(const Bytes& bytes, std::size_t word) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        value |= static_cast<std::uint64_t>(bytes[word * 8 + i]) << (8 * i);
    }
    return value;
}

// A file that is torn, or was written by another program, fails this check and counts as absent.
std::uint64_t check_of(const Bytes& bytes) {
    const auto digest = hash_bytes(std::span(bytes).first(bytes.size() - 8));
    std::uint64_t check = 0;
    for (std::size_t i = 0; i < 8; ++i) check |= std::uint64_t{digest.bytes[i]} << (8 * i);
    return check;
}

}  // namespace

Result<Account> Account::open(Context& context, Absent absent) {
    const auto how =
        absent == Absent::make ? os::OpenMode::create_or_open : os::OpenMode::read_write;
    auto file = context.fs().open(context.layout.account(), how);
    if (!file) return fail(std::move(file.error()));
    const auto start = context.system.clock.monotonic();
    Backoff backoff(context.system.clock);
    while (true) {
        auto locked = (*file)->try_lock();
        if (locked) return Account(std::move(*file));
        if (locked.error().code != Errc::busy) return fail(std::move(locked.error()));
        const auto left = k_timeout - (context.system.clock.monotonic() - start);
        if (left.count() <= 0) return fail(std::move(locked.error()));
        backoff.sleep(left);
    }
}

std::optional<Balance> Account::read() {
    Bytes bytes{};
    if (!file_->read_at(0, bytes)) return {};
    if (std::memcmp(bytes.data(), k_magic.data(), k_magic.size()) != 0) return {};
    if (get(bytes, 1) != k_version || get(bytes, k_words - 1) != check_of(bytes)) return {};
    return Balance{get(bytes, 2), static_cast<std::int64_t>(get(bytes, 3))};
}

Result<void> Account::write(const Balance& balance) {
    Bytes bytes{};
    std::memcpy(bytes.data(), k_magic.data(), k_magic.size());
    put(bytes, 1, k_version);
    put(bytes, 2, balance.bytes);
    put(bytes, 3, static_cast<std::uint64_t>(balance.counted_at_ns));
    put(bytes, k_words - 1, check_of(bytes));
    // Not synced: after power loss the account is an older one, or damaged and counted anew.
    return file_->write_at(0, bytes);
}

void take_off(Context& context, std::uint64_t bytes) noexcept {
    if (bytes == 0 || context.access == Access::read_only) return;
    auto account = Account::open(context, Account::Absent::leave);
    if (!account) return;
    auto balance = account->read();
    if (!balance) return;
    balance->bytes -= std::min(balance->bytes, bytes);
    static_cast<void>(account->write(*balance));
}

}  // namespace larder::internal::store
