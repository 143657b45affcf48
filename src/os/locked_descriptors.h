// Descriptors that hold a lock of this process, or will: a child made by fork lets go of them, for
// the lock of an open file lasts until the last process that has it open is gone.
#pragma once

#include <cstddef>

namespace larder::internal::os {

// From when a descriptor is opened, at the latest before it is locked, until it is closed. In a
// child made by fork the descriptor leads nowhere: it can be used and closed, without effect. Where
// there are too many, or the child is not made by fork(), it keeps the lock until it ends or
// executes another program. Not thread-safe; several at once are.
class LockedDescriptor {
public:
    LockedDescriptor() = default;
    LockedDescriptor(const LockedDescriptor&) = delete;
    LockedDescriptor& operator=(const LockedDescriptor&) = delete;
    ~LockedDescriptor() { forget(); }

    void note(int descriptor) noexcept;
    // Before the descriptor is closed.
    void forget() noexcept;

private:
    static constexpr std::size_t k_none = static_cast<std::size_t>(-1);

    std::size_t index_ = k_none;
    int descriptor_ = -1;
};

}  // namespace larder::internal::os
