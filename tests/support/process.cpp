#include "support/process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace larder::internal::support {
namespace {

int to_result(int status) { return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

Child::Child(const std::function<void()>& body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ > 0) return;
    // Ends with the test, even if the test crashes.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int result = 0;
    try {
        body();
        result = ::testing::Test::HasFailure() ? 1 : 0;
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "child: %s\n", exception.what());
        result = 2;
    }
    std::fflush(nullptr);
    ::_exit(result);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

Child::~Child() {
    if (pid_ < 0 || status_) return;
    kill();
    wait();
}

void Child::kill() const {
    if (!status_) ::kill(pid_, SIGKILL);
}

int Child::wait() {
    int status = 0;
    while (!status_) {
        if (::waitpid(pid_, &status, 0) == pid_) {
            status_ = to_result(status);
        } else if (errno != EINTR) {
            status_ = 3;
        }
    }
    return *status_;
}

std::optional<int> Child::poll() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = to_result(status);
    return status_;
}

bool can_become_another_user() {
    struct stat root{};
    return ::geteuid() == 0 && ::stat("/", &root) == 0 && (root.st_mode & S_IXOTH) != 0;
}

int run_as(uid_t user, const std::function<void()>& body) {
    Child child([&] {
        ASSERT_EQ(::setgroups(0, nullptr), 0);
        ASSERT_EQ(::setgid(user), 0);
        ASSERT_EQ(::setuid(user), 0);
        body();
    });
    return child.wait();
}

Signal::Signal() {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
    read_ = ends[0];
    write_ = ends[1];
}

Signal::~Signal() {
    ::close(read_);
    ::close(write_);
}

void Signal::raise() const {
    const char byte = 1;
    if (::write(write_, &byte, 1) != 1) throw std::runtime_error("cannot signal");
}

bool Signal::wait() const {
    pollfd poll{read_, POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&poll, 1, 60'000);
    } while (ready < 0 && errno == EINTR);
    char byte = 0;
    return ready == 1 && ::read(read_, &byte, 1) == 1;
}

void write_nowhere() {
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
}

}  // namespace larder::internal::support
