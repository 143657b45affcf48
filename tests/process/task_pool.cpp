// A stand-in for oneTBB: runs each task on another thread, like a pool that takes it first.
#include "task_pool.h"

#include <thread>

namespace {

thread_local const tbb::detail::d1::task_group_context* running = nullptr;

}  // namespace

namespace tbb::detail::r1 {

[[gnu::visibility("default")]] d1::task_group_context* current_context();

d1::task_group_context* current_context() { return const_cast<d1::task_group_context*>(running); }

// Tasks of contexts whose `runs_here` is set are run by the calling thread.
void execute_and_wait(d1::task& task, d1::task_group_context& context, d1::wait_context& /*wait*/,
                      d1::task_group_context& /*wait_context*/) {
    const auto run = [&] {
        const auto* const before = running;
        running = &context;
        task.work(task.argument);
        running = before;
    };
    if (context.runs_here) {
        run();
    } else {
        std::thread(run).join();
    }
}

}  // namespace tbb::detail::r1
