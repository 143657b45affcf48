#include "os/crash_marks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace larder::internal::os {
namespace {

constexpr std::array<int, 5> k_crashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::size_t k_marks_max = 64;

struct Mark {
    std::atomic<pid_t> owner{0};  // the process; 0: free
    std::atomic<int> descriptor{-1};
    std::atomic<std::uint32_t> mode{0};
};

// All that a handler may look at: no locks, no memory to be had.
constinit std::array<Mark, k_marks_max> marks{};
static_assert(std::atomic<pid_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void handle_crash(int signal, siginfo_t* info, void* /*context*/) {
    const int error = errno;
    for (auto& mark : marks) {
        if (mark.owner.load() != ::getpid()) continue;
        static_cast<void>(::fchmod(mark.descriptor.load(), mark.mode.load()));
    }
    // What the machine raised is raised again as soon as this returns. What was sent is sent again.
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

// The program's handlers are its own: ours only take the place of none at all.
bool install_handlers() {
    std::array<struct sigaction, k_crashes.size()> before{};
    for (std::size_t i = 0; i < k_crashes.size(); ++i) {
        if (::sigaction(k_crashes.at(i), nullptr, &before.at(i)) != 0) return false;
        if (!is_default(before.at(i)) && !is_ours(before.at(i))) return false;
    }
    struct sigaction action{};
    action.sa_sigaction = handle_crash;
    action.sa_flags = static_cast<int>(SA_SIGINFO | static_cast<unsigned>(SA_ONSTACK));
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < k_crashes.size(); ++i) {
        if (is_ours(before.at(i))) continue;
        if (::sigaction(k_crashes.at(i), &action, nullptr) != 0) return false;
    }
    return true;
}

void remove_handlers() {
    for (const int crash : k_crashes) {
        struct sigaction now{};
        if (::sigaction(crash, nullptr, &now) != 0 || !is_ours(now)) continue;
        static_cast<void>(std::signal(crash, SIG_DFL));
    }
}

bool any_of(pid_t owner) {
    return std::ranges::any_of(marks, [&](const Mark& mark) { return mark.owner.load() == owner; });
}

// A child made by fork may find it taken for ever: nobody waits for it longer than these.
constexpr int k_tries = 100;
constexpr std::chrono::milliseconds k_between_tries{1};

// Whoever holds it may change the marks and the handlers. Empty after too many tries.
std::unique_lock<std::mutex> lock_marks() {
    static std::mutex mutex;
    std::unique_lock lock(mutex, std::try_to_lock);
    for (int i = 0; !lock && i < k_tries; ++i) {
        std::this_thread::sleep_for(k_between_tries);
        static_cast<void>(lock.try_lock());
    }
    return lock;
}

}  // namespace

std::unique_ptr<CrashMark> CrashMark::place(int descriptor, std::uint32_t mode) {
    const auto lock = lock_marks();
    if (!lock) return nullptr;
    const auto self = ::getpid();
    for (std::size_t i = 0; i < marks.size(); ++i) {
        auto& mark = marks.at(i);
        const auto owner = mark.owner.load();
        // A parent's means nothing here.
        if (owner == self) continue;
        mark.descriptor.store(descriptor);
        mark.mode.store(mode);
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
