// Marks that a process leaves on files as it crashes, which the next one finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace larder::internal::os {

// Which crashes are marked. Only those that the process raised itself count, never a signal that
// was sent: a watchdog or a job's end says nothing about the file.
enum class Crashes {
    faults,             // of an instruction: SIGSEGV, SIGBUS, SIGILL, SIGFPE
    faults_and_aborts,  // abort() too, which programs also call to end
};

// The signal of a crash, by its number here; 0: none.
using CrashNumber = std::uint32_t;

// The mode of a file that was marked, of a crash that is not 0. It lets nobody write, and no other
// file of larder's has it.
[[nodiscard]] std::uint32_t mode_of(CrashNumber crash) noexcept;
// 0 unless the mode is one of these.
[[nodiscard]] CrashNumber crash_in(std::uint32_t mode) noexcept;
// "SIGSEGV"; empty for 0.
[[nodiscard]] std::string_view name_of(CrashNumber crash) noexcept;

// While it lives, a crash of the process changes the mode of a file, and then ends the process as
// it would have. However else the process ends there is no mark, also not once it has begun to
// exit. In a child made by fork it does nothing. Thread-safe.
class CrashMark {
public:
    // Null where a crash would not be noticed, because the program handles one of these signals
    // itself, or too many are to be marked. `descriptor` must stay open as long as the mark lives.
    [[nodiscard]] static std::unique_ptr<CrashMark> place(int descriptor, Crashes crashes);
    CrashMark(const CrashMark&) = delete;
    CrashMark& operator=(const CrashMark&) = delete;
    ~CrashMark();

private:
    explicit CrashMark(std::size_t index) : index_(index) {}

    std::size_t index_;
};

}  // namespace larder::internal::os
