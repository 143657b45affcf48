// Handles Ctrl-C: during work that can be left unfinished, and while a line shows what is done.
#pragma once

#include <array>
#include <csignal>

namespace larder::cli {

// While it lives, SIGINT and SIGTERM are recorded and do not end the program. Only one at a time.
class Interruption {
public:
    Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    ~Interruption();

    [[nodiscard]] static bool happened() noexcept;

private:
    struct sigaction before_int_{};
    struct sigaction before_term_{};
};

// While it lives, SIGINT and SIGTERM clear the last line of the terminal before they end the
// program. Signals that do not end it, because they are ignored or handled, stay as they are.
class LineClearing {
public:
    LineClearing();
    LineClearing(const LineClearing&) = delete;
    LineClearing& operator=(const LineClearing&) = delete;
    ~LineClearing();

private:
    static constexpr std::array<int, 2> k_signals{SIGINT, SIGTERM};
    std::array<bool, k_signals.size()> is_set_{};
};

}  // namespace larder::cli
