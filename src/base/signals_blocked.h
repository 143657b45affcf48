// Keeps the signals of the program away from larder's own threads.
#pragma once

#include <csignal>

namespace larder::internal {

// Blocks all signals for the calling thread while this object lives: a thread that it starts
// meanwhile receives none of them. Signals that a thread causes itself, such as SIGSEGV, are not
// blocked: the program may handle them to report its crash.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept;
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked();

private:
    sigset_t before_{};
    bool is_active_ = false;
};

}  // namespace larder::internal
