// Descriptors that hold a lock of this process, or will. A child made by fork closes them, because
// the lock of an open file lasts until the last process that has it open is gone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace larder::internal::os {

// Covers a descriptor from when it is opened, at the latest before it is locked, until it is
// closed. In a child made by fork the descriptor leads to /dev/null: it can be used and closed,
// without effect. If there are too many, or the child is not made by fork(), the child keeps the
// lock until it ends or executes another program. One object is not thread-safe; several at once
// are.
class LockedDescriptor {
public:
    LockedDescriptor() = default;
    LockedDescriptor(const LockedDescriptor&) = delete;
    LockedDescriptor& operator=(const LockedDescriptor&) = delete;
    ~LockedDescriptor() { forget(); }

    void note(int descriptor) noexcept;
    // Call this before the descriptor is closed.
    void forget() noexcept;

private:
    static constexpr std::size_t k_none = static_cast<std::size_t>(-1);

    std::size_t index_ = k_none;
    int descriptor_ = -1;
};

// Made before a descriptor is opened, and asked after it was noted: a child made in between has the
// open file, and would hold its lock.
class ForkWatch {
public:
    ForkWatch() noexcept;
    // True also if a fork was under way at either moment. Knows only of children made by fork().
    [[nodiscard]] bool may_have_forked() const noexcept;

private:
    std::uint64_t begun_;
    bool was_under_way_;
};

}  // namespace larder::internal::os
