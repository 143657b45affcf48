#include "cli/interruption.h"

namespace larder::cli {
namespace {

// A signal handler may access only this.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note(int) { interrupted = 1; }

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

bool Interruption::happened() noexcept { return interrupted != 0; }

}  // namespace larder::cli
