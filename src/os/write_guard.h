// Keeps every thread of this process from writing to a piece of memory for a moment.
#pragma once

#include <csignal>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>

namespace larder::internal::os {

// While it lives, who writes to the memory waits, and goes on when it ends as if nothing had been
// there; who reads does not notice. So what is read within is what will be there at the end.
//
// A write faults, and the fault waits: with the first guard the process gets a handler for SIGSEGV,
// which stays, and hands every fault that is not about guarded memory to what was there before.
// System calls that write to the memory fail with EFAULT meanwhile: guard nothing that a program
// may read files or sockets into. Thread-safe. Nothing is promised to a program that sets a handler
// of its own just then, or whose threads block SIGSEGV. In a child that is forked meanwhile the
// memory is writable from the beginning.
class WriteGuard {
public:
    // `pages` are whole, writable, and mapped. Absent where that cannot be, or where another guard
    // is over one of them.
    [[nodiscard]] static std::optional<WriteGuard> over(std::span<std::byte> pages);

    WriteGuard(WriteGuard&& other) noexcept;
    WriteGuard& operator=(WriteGuard&&) = delete;
    WriteGuard(const WriteGuard&) = delete;
    WriteGuard& operator=(const WriteGuard&) = delete;
    ~WriteGuard();

    // Makes the memory writable again; whatever is mapped there now. False if the system refuses:
    // then writers go on waiting. Does nothing the second time.
    [[nodiscard]] bool end();

private:
    WriteGuard(std::span<std::byte> pages, std::size_t slot) : pages_(pages), slot_(slot) {}

    std::span<std::byte> pages_;  // empty once it has ended
    std::size_t slot_;
};

// For other handlers of SIGSEGV. Waits, and is true, if the fault is about memory that is guarded,
// or was just now: then the handler returns, and the write is tried again. Safe in a handler.
[[nodiscard]] bool await_write_guard(const siginfo_t* fault);
// Held while a handler of SIGSEGV is set, by guards and by others in os/: none takes away what
// another has just put there. Empty where it cannot be had for too long.
[[nodiscard]] std::unique_lock<std::mutex> lock_fault_handlers();
// What handles a fault that is not about guarded memory where `now`, of SIGSEGV, is in force.
[[nodiscard]] struct sigaction behind_write_guard(const struct sigaction& now);

}  // namespace larder::internal::os
