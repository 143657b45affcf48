// Follows marks (process/thread_mark.h) into tasks of oneTBB: threads of its pool run them, which
// work for the whole process.
#pragma once

#include <cstdint>
#include <string_view>

namespace larder::internal::process {

// oneTBB's tbb::detail::r1::execute_and_wait(task&, task_group_context&, wait_context&,
// task_group_context&): runs a task, and the tasks that it makes, and returns when all have ended.
// Inlined algorithms such as parallel_for call it. The same in all releases since 2021.1.
inline constexpr std::string_view k_run_tasks =
    "_ZN3tbb6detail2r116execute_and_waitERNS0_2d14taskERNS2_18task_group_contextE"
    "RNS2_12wait_contextES6_";

// Takes the function k_run_tasks that a library calls: from then on, mark_of_current_task() asks
// the object that defines it. Does nothing if that object cannot be asked. Calls the loader.
void follow_tasks_of(void* run_tasks);

// All tasks in `context`, a task_group_context, carry the mark while this object lives; unless too
// many contexts are marked at once. Create it before the tasks begin, and destroy it after they
// have ended. Does not throw, takes no lock.
class MarkedTasks {
public:
    MarkedTasks(const void* context, std::uint64_t mark) noexcept;
    MarkedTasks(const MarkedTasks&) = delete;
    MarkedTasks& operator=(const MarkedTasks&) = delete;
    ~MarkedTasks();

private:
    struct MarkedContext* context_ = nullptr;
};

// Returns the mark of the task that the calling thread is running; 0 if it runs none, or that task
// carries none.
[[nodiscard]] std::uint64_t mark_of_current_task() noexcept;

}  // namespace larder::internal::process
