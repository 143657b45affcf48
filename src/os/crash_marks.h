// Marks that a crashing process leaves on files, for the next process to find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace larder::internal::os {

// Decides which crashes are marked. Only those that the process itself raised count, not signals
// that were sent: a watchdog, or the end of a job, says nothing about the file.
enum class Crashes {
    faults,             // by an instruction: SIGSEGV, SIGBUS, SIGILL, SIGFPE
    faults_and_aborts,  // abort() too, which programs also call to exit
};

// The number of a crash's signal; 0: none.
using CrashNumber = std::uint32_t;

// Returns the mode that marks a file with a crash other than 0. The mode lets nobody write, and no
// other file of larder has it.
[[nodiscard]] std::uint32_t mode_of(CrashNumber crash) noexcept;
// Returns the crash that a mode marks; 0 for other modes.
[[nodiscard]] CrashNumber crash_in(std::uint32_t mode) noexcept;
// Returns "SIGSEGV"; empty for 0.
[[nodiscard]] std::string_view name_of(CrashNumber crash) noexcept;

// While it lives, a crash of the process changes the mode of a file, and then ends the process as
// it would have without the mark. No other end of the process leaves a mark, nor does a crash after
// it has begun to exit. In a child made by fork it does nothing. Thread-safe.
class CrashMark {
public:
    // Returns null if a crash would not be noticed, because the program handles one of these
    // signals itself, or if there are too many marks. `descriptor` must stay open as long as the
    // mark lives.
    [[nodiscard]] static std::unique_ptr<CrashMark> place(int descriptor, Crashes crashes);
    CrashMark(const CrashMark&) = delete;
    CrashMark& operator=(const CrashMark&) = delete;
    ~CrashMark();

private:
    explicit CrashMark(std::size_t index) : index_(index) {}

    std::size_t index_;
};

}  // namespace larder::internal::os
