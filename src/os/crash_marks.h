// Marks that a process leaves on files as it crashes, which the next one finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace larder::internal::os {

// While it lives, a crash of the process (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) changes the
// mode of a file, and then ends the process as it would have. However else the process ends, by
// itself or by another signal, there is no mark. In a child made by fork it does nothing.
// Thread-safe.
class CrashMark {
public:
    // Null where a crash would not be noticed, because the program handles one of these signals
    // itself, or too many are to be marked. `descriptor` must stay open as long as the mark lives.
    [[nodiscard]] static std::unique_ptr<CrashMark> place(int descriptor, std::uint32_t mode);
    CrashMark(const CrashMark&) = delete;
    CrashMark& operator=(const CrashMark&) = delete;
    ~CrashMark();

private:
    explicit CrashMark(std::size_t index) : index_(index) {}

    std::size_t index_;
};

}  // namespace larder::internal::os
