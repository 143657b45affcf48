#include "os/write_guard.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <utility>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

// Not ::nanosleep, in which a thread that is to be cancelled would end: in the middle of a write.
void pause_shortly() {
    static_cast<void>(::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &k_pause, nullptr));
}

void handle_by_default(int signal, const siginfo_t* info) {
    static_cast<void>(std::signal(signal, SIG_DFL));
    // What the machine raised is raised again as soon as this returns. What was sent is sent again.
    if (info == nullptr || info->si_code <= 0) static_cast<void>(::raise(signal));
}

// A program's handler that came after a guard's may hand on to that one, by calling it or by
// putting it back. So the next guard puts another before it, which hands on to the program's alone:
// none of them is ever before and behind the same handler.
constexpr std::size_t k_levels = 8;

struct Level {
    std::atomic<const struct sigaction*> behind{nullptr};  // never freed: a handler may read it
    std::atomic<bool> is_spent{false};                     // a handler that wants one fault alone
};

constinit std::array<Level, k_levels> levels{};

// Whether this fault has been at a level before: a handler that was set twice hands it on in a
// circle. Noted in the fault itself, where the kernel leaves zeros: a handler may leave by a jump,
// and nothing would ever be taken back elsewhere.
bool was_at(std::size_t level, siginfo_t* info) {
    std::uint32_t seen = 0;
    auto* const end = reinterpret_cast<std::byte*>(info) + sizeof(*info) - sizeof(seen);
    std::memcpy(&seen, end, sizeof(seen));
    const auto before = seen;
    seen |= std::uint32_t{1} << level;
    std::memcpy(end, &seen, sizeof(seen));
    return seen == before;
}

void hand_on(std::size_t number, int signal, siginfo_t* info, void* context) {
    auto& level = levels.at(number);
    const auto* const action = level.behind.load();
    if (action == nullptr || was_at(number, info)) {
        handle_by_default(signal, info);
        return;
    }
    const auto flags = static_cast<unsigned>(action->sa_flags);
    const bool has_info = (flags & SA_SIGINFO) != 0;
    if (!has_info && action->sa_handler == SIG_IGN && info->si_code <= 0) return;
    const bool is_none =
        !has_info && (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN);
    const bool wants_one = (flags & static_cast<unsigned>(SA_RESETHAND)) != 0;
    if (is_none || (wants_one && level.is_spent.exchange(true))) {
        handle_by_default(signal, info);
    } else if (has_info) {
        action->sa_sigaction(signal, info, context);
    } else {
        action->sa_handler(signal);
    }
}

template <std::size_t Number>
void handle_fault(int signal, siginfo_t* info, void* context) {
    const int error = errno;
    const bool is_guards = await_write_guard(info);
    errno = error;
    if (!is_guards) hand_on(Number, signal, info, context);
}

using Handler = void (*)(int, siginfo_t*, void*);

template <std::size_t... Numbers>
constexpr std::array<Handler, sizeof...(Numbers)> all_handlers(
    std::index_sequence<Numbers...> /*numbers*/) {
    return {&handle_fault<Numbers>...};
}

constexpr auto k_handlers = all_handlers(std::make_index_sequence<k_levels>{});

std::optional<std::size_t> level_of(const struct sigaction& action) {
    if ((static_cast<unsigned>(action.sa_flags) & SA_SIGINFO) == 0) return std::nullopt;
    for (std::size_t i = 0; i < k_levels; ++i) {
        if (action.sa_sigaction == k_handlers.at(i)) return i;
    }
    return std::nullopt;
}

// It stays: the fault of a thread that the guard has just let go may not have arrived yet.
bool install_handler() {
    static constinit std::size_t next = 0;
    const auto lock = lock_fault_handlers();
    struct sigaction now{};
    if (!lock || ::sigaction(SIGSEGV, nullptr, &now) != 0) return false;
    if (level_of(now)) return true;
    // Somebody takes it away again and again.
    if (next == k_levels) return false;
    levels.at(next).behind.store(new struct sigaction(now));
    struct sigaction action{};
    action.sa_sigaction = k_handlers.at(next++);
    action.sa_flags = static_cast<int>(
        SA_SIGINFO | static_cast<unsigned>(SA_ONSTACK) |
        (static_cast<unsigned>(now.sa_flags) & static_cast<unsigned>(SA_NODEFER | SA_RESTART)));
    action.sa_mask = now.sa_mask;
    return ::sigaction(SIGSEGV, &action, nullptr) == 0;
}

// Empty where somebody else holds it for too long.
std::unique_lock<std::mutex> lock_within_limit(std::mutex& mutex) {
    std::unique_lock lock(mutex, std::try_to_lock);
    for (int i = 0; !lock && i < k_pauses_max / 100; ++i) {
        pause_shortly();
        static_cast<void>(lock.try_lock());
    }
    return lock;
}

// Guards begin one at a time.
constinit std::mutex begins;
constinit std::mutex handlers;

// In a child made by fork there is nobody who would let go.
void let_go_of_all() {
    for (auto& slot : slots) {
        if (!slot.is_guarded.load()) continue;
        const auto begin = slot.begin.load();
        auto* const pages = reinterpret_cast<void*>(begin);  // NOLINT(performance-no-int-to-ptr)
        static_cast<void>(::mprotect(pages, slot.end.load() - begin, PROT_READ | PROT_WRITE));
        slot.is_guarded.store(false);
    }
    retries.store(0);
}

void prepare_for_forks() {
    static std::once_flag once;
    std::call_once(once, [] {
        ::pthread_atfork(
            [] {
                begins.lock();
                handlers.lock();
            },
            [] {
                handlers.unlock();
                begins.unlock();
            },
            [] {
                handlers.unlock();
                begins.unlock();
                let_go_of_all();
            });
    });
}

// The one that ends first would let writers in on the other.
bool is_any_guarded(std::span<const std::byte> pages) {
    const auto begin = reinterpret_cast<Address>(pages.data());
    return std::ranges::any_of(slots, [&](const Slot& slot) {
        return slot.is_guarded.load() && slot.begin.load() < begin + pages.size() &&
               begin < slot.end.load();
    });
}

}  // namespace

std::unique_lock<std::mutex> lock_fault_handlers() { return lock_within_limit(handlers); }

std::optional<WriteGuard> WriteGuard::over(std::span<std::byte> pages) {
    static constinit std::size_t next = 0;
    prepare_for_forks();
    const auto lock = lock_within_limit(begins);
    if (!lock || pages.empty() || is_any_guarded(pages) || !install_handler()) return std::nullopt;
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
    if (fault == nullptr) return false;
    // Not mapped for a moment is what could not be mapped anew (os/posix_file.cpp).
    const bool is_protected = fault->si_code == SEGV_ACCERR;
    if (!is_protected && fault->si_code != SEGV_MAPERR) return false;
    const auto address = reinterpret_cast<Address>(fault->si_addr);
    auto found = judge(address);
    const bool has_waited = found == Fault::guarded;
    for (int i = 0; found == Fault::guarded && i < k_pauses_max; ++i) {
        pause_shortly();
        found = judge(address);
    }
    return found == Fault::ended && (is_protected || has_waited) &&
           retries.fetch_add(1) < k_retries_max;
}

struct sigaction behind_write_guard(const struct sigaction& now) {
    auto action = now;
    for (auto level = level_of(action); level; level = level_of(action)) {
        action = *levels.at(*level).behind.load();
    }
    return action;
}

}  // namespace larder::internal::os
