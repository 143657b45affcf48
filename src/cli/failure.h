// Failures, as users and scripts see them.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace larder::cli {

constexpr int k_done = 0;
constexpr int k_failed = 1;
constexpr int k_usage = 2;
constexpr int k_not_kept = 3;  // of compile

// A failure, and what to do about it.
struct Failure {
    std::string what;
    std::string remedy;  // empty if there is nothing to add
    int exit_code = k_failed;
};

class CommandError : public std::runtime_error {
public:
    explicit CommandError(Failure failure)
        : std::runtime_error(failure.what), failure_(std::move(failure)) {}
    [[nodiscard]] const Failure& failure() const { return failure_; }

private:
    Failure failure_;
};

// Ends the program with exit code 2.
[[noreturn]] void throw_usage(std::string what, std::string remedy = {});

// Describes the exception that is being handled, of any type.
[[nodiscard]] Failure current_failure();

// Returns the text of an exception of OpenVINO without the source files that it passed through.
[[nodiscard]] std::string useful_lines(std::string_view text);

// Writes to standard error: "larder: what", and the remedy on a line of its own.
void print_failure(const Failure& failure);

}  // namespace larder::cli
