// The services that larder needs from the machine, passed by reference from the composition root.
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

    // The time since the epoch; comparable with a file's mtime and ctime on a local disk.
    [[nodiscard]] virtual std::chrono::nanoseconds wall() = 0;
    // Never goes back; for durations and limits.
    [[nodiscard]] virtual std::chrono::nanoseconds monotonic() = 0;
    // Returns after the whole duration. True if a signal handler ran on this thread meanwhile.
    virtual bool sleep(std::chrono::nanoseconds duration) = 0;
};

// Unique within this machine and boot, and hard enough to guess for file names. Thread-safe.
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
    std::string boot_id;  // changes with each boot; empty if the system does not tell
};

struct MemoryInfo {
    std::uint64_t rss_bytes = 0;
    std::uint64_t peak_rss_bytes = 0;
    std::uint64_t file_rss_bytes = 0;  // the part of rss_bytes in pages of mapped files
};

struct System {
    FileSystem& fs;
    Clock& clock;
    Entropy& entropy;
    const ProcessInfo& process;
};

// Owns the real services. Create one per composition root; must outlive every System made from it.
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

// The id of the calling process; it differs in a child made by fork, where ProcessInfo is still
// that of the parent.
[[nodiscard]] std::int64_t current_process_id();

// Tells whether the process may act as any user.
[[nodiscard]] bool is_root();

// Returns how many files this process may have open.
[[nodiscard]] std::size_t read_descriptor_limit();

// Returns unused memory of this process's heap to the system. Takes milliseconds, in which other
// threads that allocate have to wait.
void return_freed_memory();

// Reads the memory use of the calling process from /proc; zeros if there is no /proc.
[[nodiscard]] MemoryInfo read_memory_info();

// Returns the processor time of all threads of the process, in the kernel too.
[[nodiscard]] std::chrono::nanoseconds read_processor_time();

// Returns how much memory this process may still use without displacing other memory: on the
// machine, and in its control groups (version 2) if they are limited. 0 if unknown. `root` is the
// directory that contains proc and sys.
[[nodiscard]] std::uint64_t read_available_memory_bytes(const std::string& root = {});
// Tells whether the process's own limits (`ulimit -v`, strict overcommit) allow this much more
// memory.
[[nodiscard]] bool may_allocate(std::size_t bytes) noexcept;

}  // namespace larder::internal::os
