// The compile lock: one holder of a key's lock at a time, over all processes and threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"
#include "os/file_users.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context;

// The lock of one key. Released by its destructor, and by the kernel when the process dies. Must
// not outlive the store.
class CompileLock {
public:
    CompileLock(CompileLock&&) noexcept = default;
    CompileLock& operator=(CompileLock&&) noexcept;
    CompileLock(const CompileLock&) = delete;
    CompileLock& operator=(const CompileLock&) = delete;
    ~CompileLock();

    // True if another process or thread held the lock at the first attempt: look the key up again.
    [[nodiscard]] bool waited() const { return waited_for_.count() > 0; }
    [[nodiscard]] std::chrono::nanoseconds waited_for() const { return waited_for_; }

private:
    friend Result<CompileLock> take_compile_lock(Context&, const Key&, std::chrono::nanoseconds,
                                                 std::string_view);
    CompileLock(os::FileSystem& fs, std::unique_ptr<os::File> file,
                std::chrono::nanoseconds waited_for);
    void release() noexcept;

    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    std::chrono::nanoseconds waited_for_;
    Ownership ownership_;
};

// The holder of a key's lock, and its purpose in words.
struct CompileLockHolder {
    Key key;
    std::int64_t process = 0;
    bool is_of_this_machine = true;
    std::int64_t since_ns = 0;  // since the epoch
    std::string purpose;
    std::vector<os::FileUser> waiting{};  // of this machine; in compile_lock_holders() alone
};

// If `purpose` is given, the lock file describes the holder. Errc::timed_out if another process or
// thread holds the lock for longer than `timeout`; Errc::busy half a second after a signal that
// this thread has handled, but not if many follow it.
[[nodiscard]] Result<CompileLock> take_compile_lock(Context& context, const Key& key,
                                                    std::chrono::nanoseconds timeout,
                                                    std::string_view purpose = {});
// Tells whether a process works on the key now. Neither waits nor takes a lock.
[[nodiscard]] bool is_compile_locked(const Context& context, const Key& key);
// Return the holders that gave a purpose. They neither wait nor take a lock.
[[nodiscard]] std::optional<CompileLockHolder> compile_lock_holder(const Context& context,
                                                                   const Key& key);
[[nodiscard]] std::vector<CompileLockHolder> compile_lock_holders(const Context& context);

}  // namespace larder::internal::store
