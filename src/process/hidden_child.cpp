#include "process/hidden_child.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/background_thread.h"
#include "os/detached_thread.h"

namespace larder::internal::process {
namespace {

constexpr std::size_t k_stack_bytes = std::size_t{64} << 10;
constexpr std::size_t k_stack_alignment = 64;
// Above the descriptors that the program gets.
constexpr int k_descriptor_min = k_answer_descriptor + 1;
constexpr int k_not_executed = 127;
// A wait ends after a signal that asks the program to end, and not after those of a profiler's
// timer: as a wait for the compile lock.
constexpr std::chrono::milliseconds k_watch_signals_for{500};
constexpr int k_signals_max = 3;

// The kernel's own set, which has the C library's two internal signals too.
using KernelSignals = std::uint64_t;

void set_signals(KernelSignals blocked, KernelSignals* before) noexcept {
    static_cast<void>(
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, before, sizeof(KernelSignals)));
}

class Descriptor {
public:
    explicit Descriptor(int number = -1) noexcept : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor(Descriptor&&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() { close(); }

    [[nodiscard]] int number() const noexcept { return number_; }
    // Thread-safe.
    void close() noexcept {
        if (const int number = number_.exchange(-1); number >= 0) ::close(number);
    }

private:
    std::atomic<int> number_;
};

// Everything that the two new processes use: they share the memory of the host, and must neither
// allocate nor take a lock.
struct Start {
    explicit Start(const HiddenCommand& command, int answers_to)
        : program(command.program),
          words(command.arguments),
          variables(command.environment),
          lifetime_s(static_cast<unsigned>(std::clamp<std::chrono::seconds::rep>(
              command.lifetime.count(), 1, std::numeric_limits<int>::max()))),
          answer(answers_to) {
        words.insert(words.begin(), program);
        for (auto& word : words) arguments.push_back(word.data());
        for (auto& variable : variables) environment.push_back(variable.data());
        arguments.push_back(nullptr);
        environment.push_back(nullptr);
    }

    std::string program;
    std::vector<std::string> words;
    std::vector<std::string> variables;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    unsigned lifetime_s;
    int answer;          // the host's descriptor that the program writes to; -1: none
    bool stays = false;  // the process in between, until the program has ended
    int error = 0;       // why the program does not run
    alignas(k_stack_alignment) std::array<std::byte, k_stack_bytes> stack_between{};
    alignas(k_stack_alignment) std::array<std::byte, k_stack_bytes> stack_of_program{};
};

template <std::size_t size>
void* top(std::array<std::byte, size>& stack) noexcept {
    return stack.data() + stack.size();
}

// Ignored signals would stay ignored in the program, and handlers must not run in memory of the
// host.
void reset_signal_handling() noexcept {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
        static_cast<void>(::sigaction(signal, &action, nullptr));
    }
}

void close_from(int first) noexcept {
#if defined(SYS_close_range)
    constexpr auto k_last = std::numeric_limits<unsigned>::max();
    if (::syscall(SYS_close_range, static_cast<unsigned>(first), k_last, 0U) == 0) return;
#endif
    constexpr rlim_t k_descriptors_max = 1U << 20U;
    rlimit limit{};
    static_cast<void>(::getrlimit(RLIMIT_NOFILE, &limit));
    const auto end = static_cast<int>(std::min(limit.rlim_cur, k_descriptors_max));
    for (int number = first; number < end; ++number) ::close(number);
}

// Nothing but /dev/null, and the answer.
bool replace_descriptors(int answer) noexcept {
    if (answer >= 0) answer = ::fcntl(answer, F_DUPFD, k_descriptor_min);
    const int nothing = ::open("/dev/null", O_RDWR);
    if (nothing < 0) return false;
    for (int number = 0; number < k_answer_descriptor; ++number) {
        if (::dup2(nothing, number) < 0) return false;
    }
    if (answer >= 0 && ::dup2(answer, k_answer_descriptor) < 0) return false;
    close_from(answer >= 0 ? k_descriptor_min : k_answer_descriptor);
    return true;
}

// The second new process, until it is the program.
int execute(void* data) {
    auto& start = *static_cast<Start*>(data);
    ::alarm(start.lifetime_s);  // counts on through execve()
    set_signals(0, nullptr);
    ::execve(start.program.c_str(), start.arguments.data(), start.environment.data());
    start.error = errno;
    ::_exit(k_not_executed);
}

// The first one, in between.
int begin_between(void* data) {
    auto& start = *static_cast<Start*>(data);
    reset_signal_handling();
    ::setsid();
    const rlimit no_core{};
    static_cast<void>(::setrlimit(RLIMIT_CORE, &no_core));
    if (::chdir("/") != 0 || !replace_descriptors(start.answer)) {
        start.error = errno;
        ::_exit(k_not_executed);
    }
    const int program =
        ::clone(execute, top(start.stack_of_program), CLONE_VM | CLONE_VFORK | SIGCHLD, data);
    if (program < 0) start.error = errno;
    if (program >= 0 && start.stays) {
        ::close(k_answer_descriptor);  // so that the host sees the program's end
        static_cast<void>(::waitpid(program, nullptr, 0));
    }
    ::_exit(0);
}

// Returns once the process in between has ended.
void run(Start& start) noexcept {
    KernelSignals before = 0;
    set_signals(~KernelSignals{0}, &before);
    // No exit signal: no wait of the host finds it.
    const int between =
        ::clone(begin_between, top(start.stack_between), CLONE_VM | CLONE_VFORK, &start);
    if (between < 0) start.error = errno;
    while (between >= 0 && ::waitpid(between, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    set_signals(before, nullptr);
}

Error not_started(const std::string& program, int error) {
    return Error::from_errno("cannot start", program, error);
}

Result<void> start(const HiddenCommand& command, const std::shared_ptr<Descriptor>& answer) {
    const auto started = std::make_shared<Start>(command, answer->number());
    started->stays = adopts_orphans();
    if (started->stays) {
        // The thread ends with the program, and owns what the processes use.
        const bool has_thread = os::start_detached([started, answer] {
            os::name_thread("larder-helper");
            run(*started);
            answer->close();
        });
        return has_thread ? Result<void>{} : fail(not_started(command.program, EAGAIN));
    }
    run(*started);
    answer->close();
    if (started->error != 0) return fail(not_started(command.program, started->error));
    return {};
}

Result<unsigned> wait_for_answer(const HiddenCommand& command, int descriptor, AnswerLimits limits,
                                 const std::function<void()>& lives) {
    using std::chrono::milliseconds;
    using Clock = std::chrono::steady_clock;
    const auto last_end = Clock::now() + limits.total;
    const auto next_end = [&] { return std::min(Clock::now() + limits.silence, last_end); };
    auto end = next_end();
    pollfd ready{descriptor, POLLIN, 0};
    std::optional<Clock::time_point> first_signal;
    int signals = 0;
    while (true) {
        auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        if (first_signal) left = std::min(left, k_watch_signals_for);
        const auto timeout =
            std::clamp<milliseconds::rep>(left.count(), 0, std::numeric_limits<int>::max());
        const int count = ::poll(&ready, 1, static_cast<int>(timeout));
        if (count < 0 && errno != EINTR) {
            return fail(Error::from_errno("cannot wait for", command.program));
        }
        if (count > 0) {
            unsigned char answer = 0;
            if (::read(descriptor, &answer, 1) != 1) {
                return fail(Errc::io, "ended without an answer:", command.program);
            }
            if (answer != k_sign_of_life) return answer;
            end = next_end();
            if (lives) lives();
        }
        const auto now = Clock::now();
        if (now >= end) return fail(Errc::timed_out, "no answer in time from", command.program);
        if (count < 0 && ++signals == 1) first_signal = now;
        if (first_signal && now - *first_signal >= k_watch_signals_for) {
            if (signals <= k_signals_max) {
                return fail(Errc::busy, "a signal ended the wait for", command.program);
            }
            first_signal.reset();  // a timer's, from now on
        }
    }
}

}  // namespace

bool adopts_orphans() noexcept {
    int is_subreaper = 0;
    static_cast<void>(::prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0));
    return is_subreaper != 0 || ::getpid() == 1;
}

Result<void> start_hidden(const HiddenCommand& command) {
    return start(command, std::make_shared<Descriptor>());
}

Result<unsigned> ask_hidden(const HiddenCommand& command, AnswerLimits limits,
                            const std::function<void()>& lives) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail(not_started(command.program, errno));
    }
    const Descriptor from(ends[0]);
    const auto to = std::make_shared<Descriptor>(ends[1]);
    if (auto started = start(command, to); !started) return fail(std::move(started.error()));
    auto answer = wait_for_answer(command, from.number(), limits, lives);
    // In a host that adopts orphans, the thread above holds it as long as the program works. A
    // program that has answered has its own.
    if (answer) to->close();
    return answer;
}

}  // namespace larder::internal::process
