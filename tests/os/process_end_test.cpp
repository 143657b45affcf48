#include "os/process_end.h"

#include <atomic>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fork_mutex.h"

namespace larder::internal::os {
namespace {

constinit std::atomic<bool> is_told_of_end{false};

class Listener final : public EndsWithProcess {
public:
    void end_with_process() noexcept override { is_told_of_end = true; }
};

// Of a library that makes it when it is first needed.
class LateObject {
public:
    LateObject() = default;
    LateObject(const LateObject&) = delete;
    LateObject& operator=(const LateObject&) = delete;
    ~LateObject() { ::_exit(is_told_of_end ? 0 : 3); }

    static void make() { static const LateObject object; }
};

int code_of_child(void (*run)()) {
    const auto child = ::fork();
    if (child == 0) {
        run();
        ::_exit(9);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WEXITSTATUS(status);
}

// Everything is in children: what the test's own process has watched lasts as long as it does.
TEST(ProcessEnd, IsToldOfBeforeAnythingIsDestroyed) {
    const auto code = code_of_child([] {
        const auto listener = std::make_shared<Listener>();
        if (!watch_process_end() || !end_with_process(listener)) ::_exit(4);
        std::thread([] { LateObject::make(); }).join();
        std::exit(5);  // NOLINT(concurrency-mt-unsafe)
    });
    EXPECT_EQ(code, 0);
}

TEST(ProcessEnd, AChildOfThatProcessBeginsAnew) {
    const auto code = code_of_child([] {
        const auto listener = std::make_shared<Listener>();
        if (!watch_process_end() || !end_with_process(listener)) ::_exit(4);
        ::_exit(code_of_child([] {
            // The parent's listener is the parent's.
            std::atexit([] { ::_exit(is_told_of_end ? 6 : 0); });
            if (!watch_process_end()) ::_exit(7);
            std::exit(5);  // NOLINT(concurrency-mt-unsafe)
        }));
    });
    EXPECT_EQ(code, 0);
}

TEST(ProcessEnd, IsNotSeenByAnotherThreadThanTheMain) {
    const auto code = code_of_child([] {
        bool watched = true;
        std::thread([&] { watched = watch_process_end(); }).join();
        if (watched) ::_exit(4);
        // The main thread sees it for all.
        if (!watch_process_end()) ::_exit(5);
        std::thread([&] { watched = watch_process_end(); }).join();
        ::_exit(watched ? 0 : 6);
    });
    EXPECT_EQ(code, 0);
}

TEST(ProcessEnd, NothingBeginsOnceItHasBegun) {
    const auto code = code_of_child([] {
        static std::shared_ptr<Listener> listener;
        listener = std::make_shared<Listener>();
        if (!end_with_process(listener)) ::_exit(4);
        std::atexit([] {
            ::_exit(!watch_process_end() && !end_with_process(listener) && is_told_of_end ? 0 : 6);
        });
        std::exit(5);  // NOLINT(concurrency-mt-unsafe)
    });
    EXPECT_EQ(code, 0);
}

// Sanitizers watch over locks that a fork takes along.
#if !defined(__SANITIZE_THREAD__)
TEST(ForkMutex, AChildFindsItFree) {
    static ForkMutex mutex;
    mutex.lock();
    // As if another thread held it: this one never looks at it in the child before.
    const auto code = code_of_child([] {
        ::alarm(30);
        mutex.lock();
        mutex.unlock();
        mutex.lock();
        mutex.unlock();
        ::_exit(0);
    });
    mutex.unlock();
    EXPECT_EQ(code, 0);
    mutex.lock();
    mutex.unlock();
}
#endif

}  // namespace
}  // namespace larder::internal::os
