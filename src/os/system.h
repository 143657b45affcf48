// What larder needs from the machine, handed down by reference from the composition root.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "os/file_system.h"

namespace larder::internal::os {

// Thread-safe.
class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    // Since the epoch; comparable with a file's mtime and ctime on a local disk.
    [[nodiscard]] virtual std::chrono::nanoseconds wall() = 0;
    // Never goes back; for durations and limits.
    [[nodiscard]] virtual std::chrono::nanoseconds monotonic() = 0;
    virtual void sleep(std::chrono::nanoseconds duration) = 0;
};

// Unique within this machine and boot, and unguessable enough for file names. Thread-safe.
class Entropy {
public:
    Entropy() = default;
    Entropy(const Entropy&) = delete;
    Entropy& operator=(const Entropy&) = delete;
    virtual ~Entropy() = default;

    [[nodiscard]] virtual std::uint64_t next() = 0;
};

struct ProcessInfo {
    std::int64_t pid = 0;
    std::string host;
    std::string boot_id;  // changes with each boot; empty where the system does not tell
};

struct MemoryInfo {
    std::uint64_t rss_bytes = 0;
    std::uint64_t peak_rss_bytes = 0;
    std::uint64_t file_rss_bytes = 0;  // the part of rss_bytes that is pages of mapped files
};

struct System {
    FileSystem& fs;
    Clock& clock;
    Entropy& entropy;
    const ProcessInfo& process;
};

// Owns the real things. Create one per composition root; must outlive every System made from it.
class RealSystem {
public:
    RealSystem();
    RealSystem(const RealSystem&) = delete;
    RealSystem& operator=(const RealSystem&) = delete;
    ~RealSystem();

    [[nodiscard]] System system() const;

private:
    std::unique_ptr<FileSystem> fs_;
    std::unique_ptr<Clock> clock_;
    std::unique_ptr<Entropy> entropy_;
    ProcessInfo process_;
};

// Of the caller now; another in a child made by fork, where ProcessInfo is still its parent's.
[[nodiscard]] std::int64_t current_process_id();

// Whether it may do as any user.
[[nodiscard]] bool is_root();

// How many files this process may have open.
[[nodiscard]] std::size_t read_descriptor_limit();

// Returns to the system what the heap of this process holds and nobody uses. Takes milliseconds, in
// which other threads that allocate wait.
void return_freed_memory();

// Of the calling process, from /proc; zeros where it is not there.
[[nodiscard]] MemoryInfo read_memory_info();

// What all threads of the process have used of all processors, in the kernel too.
[[nodiscard]] std::chrono::nanoseconds read_processor_time();

// What this process may still take without others giving way: of the machine, and of its control
// groups (version 2) where they are limited. 0 where it is not told. `root` is where proc and sys
// are to be found.
[[nodiscard]] std::uint64_t read_available_memory_bytes(const std::string& root = {});
// Whether the process may have so much more memory, as far as its own limits say (`ulimit -v`,
// strict overcommit).
[[nodiscard]] bool may_allocate(std::size_t bytes) noexcept;

}  // namespace larder::internal::os
