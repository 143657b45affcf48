#include "store/disk/locks.h"

#include <algorithm>
#include <utility>

namespace larder::internal::store {

bool Backoff::sleep(std::chrono::nanoseconds left) {
    const bool signalled = clock_.sleep(std::min(next_, left));
    next_ = std::min<std::chrono::nanoseconds>(2 * next_, std::chrono::milliseconds(20));
    return signalled;
}

Result<Gate> Gate::enter(Context& context, os::LockMode mode, std::chrono::nanoseconds timeout) {
    const auto open = [&] {
        return context.fs().open(context.layout.gate(), os::OpenMode::create_or_open);
    };
    auto file = open();
    if (!file && file.error().code == Errc::not_found) {
        // The directory was removed. Not synced: locks have no meaning after a power loss.
        if (auto made = os::make_directories(context.fs(), context.layout.locks()); !made) {
            return fail(std::move(made.error()));
        }
        file = open();
    }
    if (!file) return fail(std::move(file.error()));
    const auto start = context.system.clock.monotonic();
    Backoff backoff(context.system.clock);
    while (true) {
        auto locked = (*file)->try_lock(mode);
        if (locked) return Gate(std::move(*file));
        if (locked.error().code != Errc::busy) return fail(std::move(locked.error()));
        const auto left = timeout - (context.system.clock.monotonic() - start);
        if (left.count() <= 0) return fail(std::move(locked.error()));
        backoff.sleep(left);
    }
}

}  // namespace larder::internal::store
