#include "cli/child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <fcntl.h>  // tidy-allow(system-header): pipes to a program, nothing of a larder
#include <poll.h>   // tidy-allow(system-header): the same
#include <spawn.h>
#include <sys/wait.h>  // tidy-allow(system-header): the same
#include <unistd.h>    // tidy-allow(system-header): the same

namespace larder::cli {
namespace {

using Clock = std::chrono::steady_clock;

// More than any verb prints; the rest is read and dropped.
constexpr std::size_t k_output_bytes_max = std::size_t{64} << 20;

struct Pipe {
    Pipe() {
        if (pipe2(ends.data(), O_CLOEXEC) != 0) ends = {-1, -1};
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    void close_end(std::size_t end) {
        if (ends.at(end) >= 0) (void)close(ends.at(end));
        ends.at(end) = -1;
    }
    std::array<int, 2> ends{-1, -1};
};

std::vector<char*> environment_without(const std::vector<std::string>& dropped) {
    std::vector<char*> kept;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        const bool is_dropped = std::ranges::any_of(
            dropped, [&](const std::string& begin) { return text.starts_with(begin); });
        if (!is_dropped) kept.push_back(*variable);
    }
    kept.push_back(nullptr);
    return kept;
}

pid_t start(const std::vector<std::string>& command, const std::vector<std::string>& dropped,
            const Pipe& out, const Pipe& error, int& failure) {
    auto variables = environment_without(dropped);
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, error.ends[1], STDERR_FILENO);
    pid_t child = -1;
    failure = posix_spawn(&child, words.front(), &actions, nullptr, words.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    return failure == 0 ? child : -1;
}

class Reading {
public:
    Reading(Pipe& out, Pipe& error, pid_t child, const OnErrorLine& on_error_line)
        : pipes_{&out, &error}, child_(child), on_error_line_(on_error_line) {}

    // Reads until both pipes are closed; kills the program at the deadline.
    void read_all(Clock::time_point deadline, ChildOutcome& outcome) {
        while (pipes_[0]->ends[0] >= 0 || pipes_[1]->ends[0] >= 0) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
            std::array<pollfd, 2> waiting{pollfd{pipes_[0]->ends[0], POLLIN, 0},
                                          pollfd{pipes_[1]->ends[0], POLLIN, 0}};
            const auto ready = left.count() <= 0
                                   ? 0
                                   : poll(waiting.data(), waiting.size(),
                                          static_cast<int>(std::min<long>(left.count(), 60'000)));
            if (ready < 0 && errno != EINTR) return;
            if (left.count() <= 0) {
                outcome.timed_out = true;
                (void)kill(child_, SIGKILL);
                return;
            }
            for (std::size_t i = 0; ready > 0 && i < waiting.size(); ++i) {
                if (waiting.at(i).revents != 0) read_some(i, outcome);
            }
        }
    }

private:
    void read_some(std::size_t i, ChildOutcome& outcome) {
        std::array<char, 65536> buffer{};
        const auto size = read(pipes_.at(i)->ends[0], buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) return;
        if (size <= 0) return pipes_.at(i)->close_end(0);
        auto& text = i == 0 ? outcome.out : outcome.error;
        if (text.size() < k_output_bytes_max) {
            text.append(buffer.data(), static_cast<std::size_t>(size));
        }
        if (i == 1) pass_lines(outcome.error);
    }

    void pass_lines(const std::string& text) {
        for (auto end = text.find('\n', told_); end != std::string::npos;
             end = text.find('\n', told_)) {
            const auto line = std::string_view(text).substr(told_, end - told_);
            told_ = end + 1;
            if (on_error_line_ && !on_error_line_(line)) (void)kill(child_, SIGINT);
        }
    }

    std::array<Pipe*, 2> pipes_;
    pid_t child_;
    const OnErrorLine& on_error_line_;
    std::size_t told_ = 0;
};

}  // namespace

ChildOutcome run_child(const std::vector<std::string>& command, std::chrono::seconds timeout,
                       const OnErrorLine& on_error_line, const std::vector<std::string>& dropped) {
    ChildOutcome outcome;
    const auto deadline = Clock::now() + timeout;
    Pipe out;
    Pipe error;
    int failure = errno;
    const bool has_pipes = out.ends[0] >= 0 && error.ends[0] >= 0;
    const auto child = has_pipes ? start(command, dropped, out, error, failure) : -1;
    if (child < 0) {
        outcome.error = std::strerror(failure);
        return outcome;
    }
    out.close_end(1);
    error.close_end(1);
    Reading(out, error, child, on_error_line).read_all(deadline, outcome);
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return outcome;
    }
    if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    return outcome;
}

}  // namespace larder::cli
