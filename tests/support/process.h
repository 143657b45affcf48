// Children of a test: processes that share a larder, and die.
#pragma once

#include <functional>
#include <optional>

#include <sys/types.h>

namespace larder::internal::support {

// Ends the process by SIGSEGV, with all compiler options.
void write_nowhere();

// A forked child that runs `body` and ends, failed if an expectation in it failed. Killed by the
// destructor. Fork while the test has no other threads.
class Child {
public:
    explicit Child(const std::function<void()>& body);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill() const;
    // 0: all expectations were met; the negative signal if it was killed. Further calls return the
    // same.
    int wait();
    // Without waiting: absent while it runs.
    [[nodiscard]] std::optional<int> poll();

private:
    pid_t pid_;
    std::optional<int> status_;
};

// Whether this process may do it, and that user could enter the root directory (which is often
// closed in a chroot).
[[nodiscard]] bool can_become_another_user();

// Runs `body` in a child as another user (and its group) and waits; as `Child::wait`.
[[nodiscard]] int run_as(uid_t user, const std::function<void()>& body);

// Lets one process signal others to continue. Must be made before the fork.
class Signal {
public:
    Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    ~Signal();

    void raise() const;
    // False if it was not raised within a minute.
    [[nodiscard]] bool wait() const;

private:
    int read_ = -1;
    int write_ = -1;
};

}  // namespace larder::internal::support
