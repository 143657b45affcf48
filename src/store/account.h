// How much the larder holds, in one small file, so that publishing counts nothing. Private to
// store/.
//
// It is added to before names appear and taken from after they are gone: who dies in between leaves
// it too high, never too low. It is never trusted further than that: an eviction begins with
// counting, and so does the first publication after a day.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "store/context.h"

namespace larder::internal::store {

struct Balance {
    std::uint64_t bytes = 0;         // on disk, of everything that counts (see Catalogue)
    std::int64_t counted_at_ns = 0;  // when every file was looked at last
};

// The account, locked for as long as this lives: a few microseconds.
class Account {
public:
    enum class Absent { make, leave };
    // Errc::not_found where it is absent and is to be left so; Errc::busy after a second.
    [[nodiscard]] static Result<Account> open(Context& context, Absent absent);

    // Absent while nobody has counted, or where it is damaged.
    [[nodiscard]] std::optional<Balance> read();
    [[nodiscard]] Result<void> write(const Balance& balance);

private:
    explicit Account(std::unique_ptr<os::File> file) : file_(std::move(file)) {}

    std::unique_ptr<os::File> file_;
};

// Bytes whose names are gone. Best effort: what is not taken off now is found out by counting.
void take_off(Context& context, std::uint64_t bytes) noexcept;

}  // namespace larder::internal::store
