#include "os/crash_marks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace larder::internal::os {
namespace {

struct Signal {
    int number;
    std::string_view name;
    std::uint32_t mode;  // of a marked file
};

// CrashNumber is the position in this list, from 1. Earlier versions used the mode 0544.
constexpr std::array<Signal, 5> k_signals{{{SIGSEGV, "SIGSEGV", 0445},
                                           {SIGBUS, "SIGBUS", 0454},
                                           {SIGILL, "SIGILL", 0455},
                                           {SIGFPE, "SIGFPE", 0545},
                                           {SIGABRT, "SIGABRT", 0554}}};
constexpr std::size_t k_marks_max = 64;

struct Mark {
    std::atomic<pid_t> owner{0};  // the process; 0: free
    std::atomic<int> descriptor{-1};
    std::atomic<Crashes> crashes{Crashes::faults};
};

// All data that a handler may read: it must take no lock and allocate no memory.
constinit std::array<Mark, k_marks_max> marks{};
constinit std::atomic<bool> is_exiting{false};
static_assert(std::atomic<pid_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<Crashes>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

template <typename Value>
CrashNumber number_of(Value Signal::* member, Value value) {
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        if (k_signals.at(i).*member == value) return static_cast<CrashNumber>(i + 1);
    }
    return 0;
}

// The kernel raised it for an instruction. Signals that were sent have a code of 0 or less.
bool is_fault(int signal, const siginfo_t& info) { return signal != SIGABRT && info.si_code > 0; }

bool is_own_abort(int signal, const siginfo_t& info) {
    return signal == SIGABRT && info.si_code == SI_TKILL && info.si_pid == ::getpid();
}

void mark_files(int signal, const siginfo_t& info) {
    const bool fault = is_fault(signal, info);
    if (is_exiting.load() || (!fault && !is_own_abort(signal, info))) return;
    const auto mode = mode_of(number_of(&Signal::number, signal));
    for (auto& mark : marks) {
        if (mark.owner.load() != ::getpid()) continue;
        if (!fault && mark.crashes.load() == Crashes::faults) continue;
        static_cast<void>(::fchmod(mark.descriptor.load(), mode));
    }
}

void handle_crash(int signal, siginfo_t* info, void* /*context*/) {
    const int error = errno;
    if (info != nullptr) mark_files(signal, *info);
    // A fault is raised again as soon as this returns. A signal that was sent is sent again.
    static_cast<void>(std::signal(signal, SIG_DFL));
    if (info == nullptr || info->si_code <= 0) static_cast<void>(::raise(signal));
    errno = error;
}

bool is_ours(const struct sigaction& action) {
    return (static_cast<unsigned>(action.sa_flags) & SA_SIGINFO) != 0 &&
           action.sa_sigaction == handle_crash;
}

bool is_default(const struct sigaction& action) {
    return (static_cast<unsigned>(action.sa_flags) & SA_SIGINFO) == 0 &&
           action.sa_handler == SIG_DFL;
}

// The actions that larder's handlers replaced, in the order of k_signals. Guarded by the lock.
constinit std::array<struct sigaction, k_signals.size()> replaced{};

// The program's own handlers stay: larder's handlers replace only default actions.
bool install_handlers() {
    std::array<struct sigaction, k_signals.size()> before{};
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        if (::sigaction(k_signals.at(i).number, nullptr, &before.at(i)) != 0) return false;
        if (!is_default(before.at(i)) && !is_ours(before.at(i))) return false;
    }
    struct sigaction action{};
    action.sa_sigaction = handle_crash;
    action.sa_flags = static_cast<int>(SA_SIGINFO | static_cast<unsigned>(SA_ONSTACK));
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        if (is_ours(before.at(i))) continue;
        replaced.at(i) = before.at(i);
        if (::sigaction(k_signals.at(i).number, &action, nullptr) != 0) return false;
    }
    return true;
}

void remove_handlers() {
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        struct sigaction now{};
        const int signal = k_signals.at(i).number;
        if (::sigaction(signal, nullptr, &now) != 0 || !is_ours(now)) continue;
        static_cast<void>(::sigaction(signal, &replaced.at(i), nullptr));
    }
}

bool any_of(pid_t owner) {
    return std::ranges::any_of(marks, [&](const Mark& mark) { return mark.owner.load() == owner; });
}

// A child made by fork may find the lock taken for ever: each wait is limited to this.
constexpr int k_tries = 100;
constexpr std::chrono::milliseconds k_between_tries{1};

// The lock for changes of marks and handlers. Empty after too many tries.
std::unique_lock<std::mutex> lock_marks() {
    static std::mutex mutex;
    std::unique_lock lock(mutex, std::try_to_lock);
    for (int i = 0; !lock && i < k_tries; ++i) {
        std::this_thread::sleep_for(k_between_tries);
        static_cast<void>(lock.try_lock());
    }
    return lock;
}

// A program that exits while its threads are running may crash because they use destroyed objects.
// Called under the lock.
void notice_exit() {
    static bool is_noticed = false;
    if (!is_noticed) is_noticed = std::atexit([] { is_exiting = true; }) == 0;
}

}  // namespace

std::uint32_t mode_of(CrashNumber crash) noexcept { return k_signals.at(crash - 1).mode; }

CrashNumber crash_in(std::uint32_t mode) noexcept { return number_of(&Signal::mode, mode); }

std::string_view name_of(CrashNumber crash) noexcept {
    return crash == 0 || crash > k_signals.size() ? std::string_view()
                                                  : k_signals.at(crash - 1).name;
}

std::unique_ptr<CrashMark> CrashMark::place(int descriptor, Crashes crashes) {
    const auto lock = lock_marks();
    if (!lock) return nullptr;
    notice_exit();
    const auto self = ::getpid();
    for (std::size_t i = 0; i < marks.size(); ++i) {
        auto& mark = marks.at(i);
        const auto owner = mark.owner.load();
        // A mark of the parent process has no meaning here.
        if (owner == self) continue;
        mark.descriptor.store(descriptor);
        mark.crashes.store(crashes);
        mark.owner.store(self);
        if (install_handlers()) return std::unique_ptr<CrashMark>(new CrashMark(i));
        mark.owner.store(0);
        return nullptr;
    }
    return nullptr;
}

CrashMark::~CrashMark() {
    const auto self = ::getpid();
    auto owner = self;
    if (!marks.at(index_).owner.compare_exchange_strong(owner, 0)) return;
    const auto lock = lock_marks();
    if (lock && !any_of(self)) remove_handlers();
}

}  // namespace larder::internal::os
