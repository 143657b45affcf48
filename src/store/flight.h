// Single flight: one holder of a key's lock at a time, over all processes and threads.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "os/file_system.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

// The lock of one key. Released by its destructor, and by the kernel when the process dies. Must
// not outlive the store.
class Flight {
public:
    Flight(Flight&&) noexcept = default;
    Flight& operator=(Flight&&) noexcept;
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    ~Flight();

    // True if somebody else held the lock when it was asked for: look the key up again.
    [[nodiscard]] bool waited() const { return waited_for_.count() > 0; }
    [[nodiscard]] std::chrono::nanoseconds waited_for() const { return waited_for_; }

private:
    friend Result<Flight> take_flight(Context&, const Key&, std::chrono::nanoseconds);
    Flight(os::FileSystem& fs, std::unique_ptr<os::File> file, std::chrono::nanoseconds waited_for);
    void release() noexcept;

    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    std::chrono::nanoseconds waited_for_;
    Ownership ownership_;
};

[[nodiscard]] Result<Flight> take_flight(Context& context, const Key& key,
                                         std::chrono::nanoseconds timeout);

}  // namespace larder::internal::store
