#include "cli/interruption.h"

#include <cerrno>

#include "cli/surroundings.h"

namespace larder::cli {
namespace {

// A signal handler may access only this.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note(int) { interrupted = 1; }

// Clears the last line, then ends the program as the signal does by itself.
extern "C" void clear_and_end(int signal) {
    const int error = errno;
    clear_line();
    errno = error;
    static_cast<void>(::raise(signal));
}

}  // namespace

Interruption::Interruption() {
    interrupted = 0;
    struct sigaction action{};
    action.sa_handler = note;
    // A second signal ends the program as usual.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_int_);
    ::sigaction(SIGTERM, &action, &before_term_);
}

Interruption::~Interruption() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
}

LineClearing::LineClearing() {
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        struct sigaction action{};
        struct sigaction before{};
        ::sigaction(k_signals[i], nullptr, &before);
        // Ignored, as under nohup, or handled: then it does not end the program.
        if ((before.sa_flags & SA_SIGINFO) != 0 || before.sa_handler != SIG_DFL) continue;
        action.sa_handler = clear_and_end;
        action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_NODEFER;
        is_set_[i] = ::sigaction(k_signals[i], &action, nullptr) == 0;
    }
}

LineClearing::~LineClearing() {
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        if (is_set_[i]) static_cast<void>(std::signal(k_signals[i], SIG_DFL));
    }
}

bool Interruption::happened() noexcept { return interrupted != 0; }

}  // namespace larder::cli
