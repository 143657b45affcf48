// The side of the program that a host has started by process/hidden_child.h.
#pragma once

#include <chrono>

namespace larder::internal::process {

// Tells the host, which waits for the answer, that it is worth waiting. False if the host does not
// wait any more.
[[nodiscard]] bool show_life() noexcept;
// Answers the host, which waits for one byte. Only the first call has an effect.
void answer_host(unsigned answer) noexcept;
// Lets the program live for so long from now on, whatever the host has set.
void set_lifetime(std::chrono::seconds lifetime) noexcept;
// Ends the program at once, from any thread, whatever the others do.
[[noreturn]] void end_program() noexcept;
// For work that nobody waits for: the lowest priority for processor and disk.
void run_in_background() noexcept;

}  // namespace larder::internal::process
