// Runs larder's own program beside the host process, which does not notice it: the host gets no
// SIGCHLD, none of its waits finds a child, and neither Ctrl-C nor a kill of its process group
// reaches the program. The program gets none of the host's descriptors, signal handling or
// variables, no core dump, and a lifetime.
//
// A process that larder starts is a child of the host with SIGCHLD from its execve() on, whatever
// clone() was told. So a process in between starts it, which executes nothing: it was made with
// exit signal 0, and only a wait with __WCLONE or __WALL finds it. It ends at once, and the system
// adopts the program. If the host itself adopts orphans, as the first process of a container does,
// it stays as long as the program, and a thread of the host waits for it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace larder::internal::process {

struct HiddenCommand {
    std::string program;                   // an absolute path
    std::vector<std::string> arguments;    // without the program's name
    std::vector<std::string> environment;  // "NAME=value"; the program gets no other variables
    std::chrono::seconds lifetime{0};      // the system ends the program after it; at least 1 s
};

// Starts the program, and returns once it runs. Errors: that it cannot be started. Thread-safe.
[[nodiscard]] Result<void> start_hidden(const HiddenCommand& command);

struct AnswerLimits {
    std::chrono::nanoseconds silence{0};  // until the first byte, and between two
    std::chrono::nanoseconds total{0};
};

// The same for a program that writes one byte to its descriptor k_answer_descriptor, which is
// returned, and k_sign_of_life as often as it wants to before. Errc::timed_out if none came within
// the limits, Errc::busy if a signal handler ran on this thread meanwhile: the program then goes on
// until its lifetime ends. Errc::io if it ended without. Calls `lives` at each sign of life.
[[nodiscard]] Result<unsigned> ask_hidden(const HiddenCommand& command, AnswerLimits limits,
                                          const std::function<void()>& lives = {});

inline constexpr int k_answer_descriptor = 3;
inline constexpr unsigned char k_sign_of_life = 0;

// Tells whether orphans below this process become its children.
[[nodiscard]] bool adopts_orphans() noexcept;

}  // namespace larder::internal::process
