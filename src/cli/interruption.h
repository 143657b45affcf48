// Handles Ctrl-C during work that can be left unfinished.
#pragma once

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

}  // namespace larder::cli
