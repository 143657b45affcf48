// The state that all parts of the store share. Private to store/.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/units.h"
#include "os/system.h"
#include "store/disk/history.h"
#include "store/disk/layout.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context {
    os::System system;
    Log& log;
    VerifiedMemory& memory;
    Layout layout;
    // The same layout under the state directory, for files that cannot be written into this larder.
    std::optional<Layout> notes;
    std::string id;
    Access access = Access::read_write;
    std::optional<Error> read_only_reason;
    unsigned threads = 1;
    SizeLimit max_size{};        // none: no limit
    SizeLimit min_free{};        // none: no floor
    History* history = nullptr;  // may be absent
    WorldWritable world_writable = WorldWritable::refuse;
    // Used in place of the system's own if several users share the larder.
    std::unique_ptr<os::FileSystem> shared_fs{};

    [[nodiscard]] os::FileSystem& fs() const { return shared_fs ? *shared_fs : system.fs; }
};

// Returns Errc::read_only unless the larder can be written.
[[nodiscard]] Result<void> require_writable(const Context& context);
// Returns the layout for trials and private directories. Errc::read_only if there is none.
[[nodiscard]] Result<const Layout*> writable_layout(const Context& context);

// Returns 16 random hexadecimal characters, a name that nothing else uses.
[[nodiscard]] std::string make_nonce(const Context& context);

// Creates a directory if it is absent, and makes its name durable in either case.
[[nodiscard]] Result<void> ensure_directory(os::FileSystem& fs, const std::string& path);

}  // namespace larder::internal::store
