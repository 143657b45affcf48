// Goal: a host process that starts larder's own program sees nothing of it: no signal, no child, no
// descriptor; and waits for it no longer than it said.
// Method: /bin/sh as the program, in this process and in children that adopt orphans.
#include "process/hidden_child.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_directory.h"

namespace larder::internal::process {
namespace {

using namespace std::chrono_literals;

constexpr auto k_patience = 60s;  // against a hang, not against a slow machine
constexpr AnswerLimits k_limits{k_patience, k_patience};

HiddenCommand shell(const std::string& script) {
    return {"/bin/sh", {"-c", script}, {"PATH=/bin:/usr/bin"}, k_patience};
}

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Returns the session that a text which ends with /proc/PID/stat tells.
pid_t session_in(const std::string& text) {
    const auto after_name = text.rfind(')');
    if (after_name == std::string::npos) return -1;
    std::istringstream fields(text.substr(after_name + 1));
    std::string state;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    return fields >> state >> parent >> group >> session ? session : -1;
}

bool wait_until(const std::function<bool()>& is_done) {
    const auto end = std::chrono::steady_clock::now() + k_patience;
    while (!is_done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

volatile std::sig_atomic_t child_signals = 0;
extern "C" void count_child_signal(int) { child_signals = child_signals + 1; }

// Runs `body` in a child made by fork; returns what it returned.
int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Counts everything that a host which waits for any child sees, during the program and after it.
int count_what_a_host_sees() {
    struct sigaction action{};
    action.sa_handler = count_child_signal;
    ::sigaction(SIGCHLD, &action, nullptr);
    child_signals = 0;
    int seen = 0;
    const auto look = [&] {
        errno = 0;
        if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) ++seen;
    };
    const auto answer = ask_hidden(shell("printf A >&3; exec sleep 0.3"), k_limits);
    if (!answer || *answer != 'A') return 100;
    for (int i = 0; i < 100; ++i) {
        look();
        std::this_thread::sleep_for(10ms);
    }
    return seen + child_signals;
}

TEST(HiddenChild, AnswersWithOneByte) {
    const auto answer = ask_hidden(shell("printf Z >&3"), k_limits);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(*answer, 'Z');
}

TEST(HiddenChild, IsInvisibleForWaitsAndSignals) { EXPECT_EQ(in_child(count_what_a_host_sees), 0); }

TEST(HiddenChild, IsInvisibleForAHostThatAdoptsOrphans) {
    EXPECT_EQ(in_child([] {
                  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
                  return adopts_orphans() ? count_what_a_host_sees() : 101;
              }),
              0);
}

TEST(HiddenChild, IsAnsweredInAHostThatIgnoresItsChildren) {
    EXPECT_EQ(in_child([] {
                  std::signal(SIGCHLD, SIG_IGN);
                  const auto answer = ask_hidden(shell("/bin/true && printf A >&3"), k_limits);
                  return answer && *answer == 'A' ? 0 : 1;
              }),
              0);
}

TEST(HiddenChild, GetsNoDescriptorAndNoVariableOfTheHost) {
    const support::TemporaryDirectory directory;
    const auto out = directory / "out";
    const int inherited = ::open("/dev/zero", O_RDONLY);  // NOLINT: not close-on-exec
    ASSERT_GE(inherited, 0);
    ::setenv("LD_PRELOAD_OF_HOST", "x", 1);
    ASSERT_TRUE(start_hidden(shell("ls /proc/self/fd > " + out + ".new; env >> " + out +
                                   ".new; mv " + out + ".new " + out)));
    ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(out); }));
    const auto text = read(out);
    EXPECT_EQ(text.find("LD_PRELOAD_OF_HOST"), std::string::npos) << text;
    EXPECT_EQ(text.substr(0, 6), "0\n1\n2\n") << text;
    // 3 is that of `ls` itself, which reads the directory.
    EXPECT_EQ(text.find("\n4\n"), std::string::npos) << text;
    ::close(inherited);
}

TEST(HiddenChild, IsInASessionOfItsOwnWithDefaultSignalHandling) {
    const support::TemporaryDirectory directory;
    const auto out = directory / "out";
    EXPECT_EQ(in_child([&] {
                  std::signal(SIGTERM, SIG_IGN);
                  sigset_t all;
                  ::sigfillset(&all);
                  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
                  const auto answer = ask_hidden(
                      shell("cat /proc/self/status /proc/$$/stat > " + out + "; printf A >&3"),
                      k_limits);
                  return answer ? 0 : 1;
              }),
              0);
    const auto text = read(out);
    EXPECT_NE(text.find("SigBlk:\t0000000000000000"), std::string::npos) << text;
    EXPECT_NE(text.find("SigIgn:\t0000000000000000"), std::string::npos) << text;
    EXPECT_NE(session_in(text), ::getsid(0)) << text;
    EXPECT_GT(session_in(text), 0) << text;
}

TEST(HiddenChild, IsWaitedForNoLongerThanTheLimit) {
    const auto answer = ask_hidden(shell("exec sleep 1000"), {50ms, k_patience});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::timed_out);
}

TEST(HiddenChild, IsWaitedForAsLongAsItShowsLife) {
    // Longer than the limit of silence; each pause is far below it.
    const auto answer =
        ask_hidden(shell("for i in 1 2 3 4 5 6 7; do printf '\\0' >&3; sleep 1; done; "
                         "printf Z >&3"),
                   {5s, k_patience});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(*answer, 'Z');
}

TEST(HiddenChild, ThatOnlyShowsLifeIsWaitedForUntilTheTotalLimit) {
    const auto answer =
        ask_hidden(shell("while printf '\\0' >&3; do sleep 0.05; done"), {k_patience, 500ms});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::timed_out);
}

TEST(HiddenChild, ThatShowsLifeDoesNotHideASignal) {
    EXPECT_EQ(in_child([] {
                  struct sigaction action{};
                  action.sa_handler = count_child_signal;
                  ::sigaction(SIGALRM, &action, nullptr);
                  ::alarm(1);
                  const auto answer =
                      ask_hidden(shell("while printf '\\0' >&3; do sleep 0.05; done"), k_limits);
                  return !answer && answer.error().code == Errc::busy ? 0 : 1;
              }),
              0);
}

// Its descriptor would be seen in a host that looks at its own.
TEST(HiddenChild, ThatWorksOnLeavesNoDescriptorInAHostThatAdoptsOrphans) {
    EXPECT_EQ(in_child([] {
                  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
                  const auto count = [] {
                      const std::filesystem::directory_iterator all("/proc/self/fd");
                      return std::distance(begin(all), end(all));
                  };
                  const auto before = count();
                  const auto answer =
                      ask_hidden(shell("printf A >&3; exec 3>&-; exec sleep 5"), k_limits);
                  return answer && count() == before ? 0 : 1;
              }),
              0);
}

TEST(HiddenChild, EndsAfterItsLifetime) {
    const support::TemporaryDirectory directory;
    const auto out = directory / "pid";
    auto command = shell("echo $$ > " + out + "; exec sleep 1000");
    command.lifetime = 1s;
    const auto answer = ask_hidden(command, k_limits);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::io);  // its end was seen
    const auto program = std::stoi(read(out));
    EXPECT_TRUE(wait_until([&] { return ::kill(program, 0) != 0; }));
}

TEST(HiddenChild, OutlivesTheHost) {
    const support::TemporaryDirectory directory;
    const auto out = directory / "out";
    EXPECT_EQ(in_child([&] { return start_hidden(shell("sleep 0.3; echo x > " + out)) ? 0 : 1; }),
              0);
    EXPECT_TRUE(wait_until([&] { return std::filesystem::exists(out); }));
}

TEST(HiddenChild, ThatCannotRunIsAnError) {
    const HiddenCommand command{"/no/such/program", {}, {}, k_patience};
    const auto answer = ask_hidden(command, k_limits);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::not_found);
    EXPECT_FALSE(start_hidden(command));
}

TEST(HiddenChild, LeavesNoDescriptorAndNoChild) {
    const auto count = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    const auto before = count();
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(ask_hidden(shell("printf A >&3"), k_limits));
        ASSERT_TRUE(start_hidden(shell("true")));
    }
    EXPECT_EQ(count(), before);
    errno = 0;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(HiddenChild, EndsAWaitWhenASignalIsHandled) {
    EXPECT_EQ(in_child([] {
                  struct sigaction action{};
                  action.sa_handler = count_child_signal;
                  ::sigaction(SIGALRM, &action, nullptr);
                  ::alarm(1);
                  const auto answer = ask_hidden(shell("exec sleep 1000"), k_limits);
                  return !answer && answer.error().code == Errc::busy ? 0 : 1;
              }),
              0);
}

}  // namespace
}  // namespace larder::internal::process
