// Another program, run to its end.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::cli {

struct ChildOutcome {
    int exit_code = -1;  // -1: it was ended by a signal, or could not be run
    int signal = 0;      // that ended it
    bool timed_out = false;
    std::string out;
    std::string error;  // what it wrote to standard error, or why it could not be run
};

// Gets each line that the program writes to standard error; returns false to interrupt it.
using OnErrorLine = std::function<bool(std::string_view line)>;

// Runs a program by its path, without standard input, and reads all that it prints. A program that
// runs longer than `timeout` is killed. It does not get the variables of the environment whose
// names begin with one of `dropped`.
[[nodiscard]] ChildOutcome run_child(const std::vector<std::string>& command,
                                     std::chrono::seconds timeout,
                                     const OnErrorLine& on_error_line = {},
                                     const std::vector<std::string>& dropped = {});

}  // namespace larder::cli
