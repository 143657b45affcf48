#include "os/write_guard.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace larder::internal::os {
namespace {

using Address = std::uintptr_t;

// Slots are used in turn, so that a range is remembered for long after its guard has ended: a
// thread may be on its way from a fault to the handler all that time.
constexpr std::size_t k_slots = 1024;
// A fault on memory whose guard has ended is tried again so often, between two guards that end.
constexpr std::uint32_t k_retries_max = 1000;
constexpr timespec k_pause{.tv_sec = 0, .tv_nsec = 100'000};
// A minute. Then whoever writes faults as if nobody had guarded.
constexpr int k_pauses_max = 600'000;

struct Slot {
    std::atomic<Address> begin{0};
    std::atomic<Address> end{0};
    std::atomic<bool> is_guarded{false};
};

// All that the handler may look at: no locks, no memory to be had.
constinit std::array<Slot, k_slots> slots{};
constinit std::atomic<std::uint32_t> retries{0};
constinit std::atomic<const struct sigaction*> behind{nullptr};
constinit std::atomic<pid_t> handing_on{0};  // a thread that is in the handler behind
static_assert(std::atomic<Address>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

enum class Fault { guarded, ended, foreign };

Fault judge(Address address) {
    auto fault = Fault::foreign;
    for (const auto& slot : slots) {
        if (address < slot.begin.load() || address >= slot.end.load()) continue;
        if (slot.is_guarded.load()) return Fault::guarded;
        fault = Fault::ended;
    }
    return fault;
}

void handle_by_default(int signal, const siginfo_t* info) {
    static_cast<void>(std::signal(signal, SIG_DFL));
    // What the machine raised is raised again as soon as this returns. What was sent is sent again.
    if (info == nullptr || info->si_code <= 0) static_cast<void>(::raise(signal));
}

void hand_on(int signal, siginfo_t* info, void* context) {
    const auto* const action = behind.load();
    const auto self = ::gettid();
    pid_t nobody = 0;
    // A handler that hands on to this one would be called for ever.
    const bool is_first = handing_on.compare_exchange_strong(nobody, self);
    if (action == nullptr || (!is_first && nobody == self)) {
        handle_by_default(signal, info);
        return;
    }
    if ((static_cast<unsigned>(action->sa_flags) & SA_SIGINFO) != 0) {
        action->sa_sigaction(signal, info, context);
    } else if (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN) {
        handle_by_default(signal, info);
    } else {
        action->sa_handler(signal);
    }
    if (is_first) handing_on.store(0);
}

void handle_fault(int signal, siginfo_t* info, void* context) {
    const int error = errno;
    const bool is_guards = await_write_guard(info);
    errno = error;
    if (!is_guards) hand_on(signal, info, context);
}

bool is_guards_own(const struct sigaction& action) {
    return (static_cast<unsigned>(action.sa_flags) & SA_SIGINFO) != 0 &&
           action.sa_sigaction == handle_fault;
}

// It stays: the fault of a thread that the guard has just let go may not have arrived yet.
bool install_handler() {
    struct sigaction now{};
    if (::sigaction(SIGSEGV, nullptr, &now) != 0) return false;
    if (is_guards_own(now)) return true;
    // Never freed: a handler may be reading it.
    behind.store(new struct sigaction(now));
    struct sigaction action{};
    action.sa_sigaction = handle_fault;
    action.sa_flags = static_cast<int>(
        SA_SIGINFO | static_cast<unsigned>(SA_ONSTACK) |
        (static_cast<unsigned>(now.sa_flags) & static_cast<unsigned>(SA_NODEFER | SA_RESTART)));
    action.sa_mask = now.sa_mask;
    return ::sigaction(SIGSEGV, &action, nullptr) == 0;
}

// Guards begin one at a time. Empty where somebody else's begins just now for too long, or a child
// was forked while it did.
std::unique_lock<std::mutex> lock_guards() {
    static std::mutex mutex;
    std::unique_lock lock(mutex, std::try_to_lock);
    for (int i = 0; !lock && i < k_pauses_max / 100; ++i) {
        static_cast<void>(::nanosleep(&k_pause, nullptr));
        static_cast<void>(lock.try_lock());
    }
    return lock;
}

}  // namespace

std::optional<WriteGuard> WriteGuard::over(std::span<std::byte> pages) {
    static constinit std::size_t next = 0;
    const auto lock = lock_guards();
    if (!lock || pages.empty() || !install_handler()) return std::nullopt;
    for (std::size_t i = 0; i < k_slots; ++i) {
        const auto index = next++ % k_slots;
        auto& slot = slots.at(index);
        if (slot.is_guarded.load()) continue;
        // Empty in between: no address is ever in a range that was never guarded.
        slot.end.store(0);
        slot.begin.store(reinterpret_cast<Address>(pages.data()));
        slot.end.store(reinterpret_cast<Address>(pages.data()) + pages.size());
        slot.is_guarded.store(true);
        if (::mprotect(pages.data(), pages.size(), PROT_READ) == 0) {
            return WriteGuard(pages, index);
        }
        // A part of it may be protected by now.
        static_cast<void>(::mprotect(pages.data(), pages.size(), PROT_READ | PROT_WRITE));
        slot.is_guarded.store(false);
        return std::nullopt;
    }
    return std::nullopt;
}

WriteGuard::WriteGuard(WriteGuard&& other) noexcept
    : pages_(std::exchange(other.pages_, {})), slot_(other.slot_) {}

WriteGuard::~WriteGuard() { static_cast<void>(end()); }

bool WriteGuard::end() {
    if (pages_.empty()) return true;
    if (::mprotect(pages_.data(), pages_.size(), PROT_READ | PROT_WRITE) != 0) return false;
    retries.store(0);
    slots.at(slot_).is_guarded.store(false);
    pages_ = {};
    return true;
}

bool await_write_guard(const siginfo_t* fault) {
    if (fault == nullptr || fault->si_code != SEGV_ACCERR) return false;
    const auto address = reinterpret_cast<Address>(fault->si_addr);
    auto found = judge(address);
    for (int i = 0; found == Fault::guarded && i < k_pauses_max; ++i) {
        static_cast<void>(::nanosleep(&k_pause, nullptr));
        found = judge(address);
    }
    return found == Fault::ended && retries.fetch_add(1) < k_retries_max;
}

struct sigaction behind_write_guard(const struct sigaction& now) {
    const auto* const action = behind.load();
    return is_guards_own(now) && action != nullptr ? *action : now;
}

}  // namespace larder::internal::os
