// The names of oneTBB that process/task_marks.h relies on; the content of the types is the test's.
#pragma once

namespace tbb::detail {
namespace d1 {

struct task {
    void (*work)(void*);
    void* argument;
};
struct task_group_context {
    bool runs_here;
};
struct wait_context {};

}  // namespace d1

namespace r1 {

[[gnu::visibility("default")]] void execute_and_wait(d1::task& task,
                                                     d1::task_group_context& context,
                                                     d1::wait_context& wait,
                                                     d1::task_group_context& wait_context);

}  // namespace r1
}  // namespace tbb::detail
