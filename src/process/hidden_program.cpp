#include "process/hidden_program.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <limits>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/hidden_child.h"

namespace larder::internal::process {

namespace {

constinit std::atomic_bool has_answered{false};

}  // namespace

bool show_life() noexcept {
    if (has_answered) return false;
    // A host that is gone must not end the program by SIGPIPE.
    static_cast<void>(::signal(SIGPIPE, SIG_IGN));
    return ::write(k_answer_descriptor, &k_sign_of_life, 1) == 1;
}

void answer_host(unsigned answer) noexcept {
    if (has_answered.exchange(true)) return;
    const auto byte = static_cast<unsigned char>(answer);
    // A host that is gone gets none: SIGPIPE must not end the work that follows.
    static_cast<void>(::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(!::write(k_answer_descriptor, &byte, 1));
    ::close(k_answer_descriptor);
}

void set_lifetime(std::chrono::seconds lifetime) noexcept {
    constexpr std::chrono::seconds::rep k_max = std::numeric_limits<int>::max();
    ::alarm(
        static_cast<unsigned>(std::clamp<std::chrono::seconds::rep>(lifetime.count(), 1, k_max)));
}

void end_program() noexcept { ::_exit(0); }

void run_in_background() noexcept {
    constexpr int k_lowest = 19;
    constexpr int k_of_process = 1;        // IOPRIO_WHO_PROCESS
    constexpr int k_idle_class = 3 << 13;  // IOPRIO_CLASS_IDLE
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, k_lowest));
    static_cast<void>(::syscall(SYS_ioprio_set, k_of_process, 0, k_idle_class));
    const sched_param none{};
    static_cast<void>(::sched_setscheduler(0, SCHED_IDLE, &none));
}

}  // namespace larder::internal::process
