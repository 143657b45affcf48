// The number of bytes that the larder holds, in one small file, so that publishing need not count
// them. Private to store/.
//
// Bytes are added before names appear and subtracted after they are gone: a process that dies in
// between leaves the account too high, never too low. It is trusted no further than that: an
// eviction begins with counting, and so does the first publication after a day.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "store/disk/context.h"

namespace larder::internal::store {

struct Balance {
    std::uint64_t bytes = 0;         // on disk; all that counts towards the limit (see Catalogue)
    std::int64_t counted_at_ns = 0;  // when all files were last counted
};

// The account file, locked for the life of this object: a few microseconds.
class Account {
public:
    enum class Absent { make, leave };
    // Errc::not_found if it is absent and is to be left so; Errc::busy after a second.
    [[nodiscard]] static Result<Account> open(Context& context, Absent absent);

    // Returns nothing if nobody has counted yet, or if the file is damaged.
    [[nodiscard]] std::optional<Balance> read();
    [[nodiscard]] Result<void> write(const Balance& balance);

private:
    explicit Account(std::unique_ptr<os::File> file) : file_(std::move(file)) {}

    std::unique_ptr<os::File> file_;
};

// Subtracts the bytes of files whose names are gone. Best effort: a failure is corrected by the
// next count.
void take_off(Context& context, std::uint64_t bytes) noexcept;

}  // namespace larder::internal::store
