// A shared object that allocates, like plugins of a runtime.
#include <cstddef>
#include <cstdlib>
#include <thread>

#include "task_pool.h"

// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
[[gnu::visibility("default")]] void* library_malloc(std::size_t size);
[[gnu::visibility("default")]] void* library_aligned_alloc(std::size_t size);
[[gnu::visibility("default")]] void* library_posix_memalign(std::size_t size);
[[gnu::visibility("default")]] void library_free(void* block);
[[gnu::visibility("default")]] void* library_malloc_function();
[[gnu::visibility("default")]] void library_run_on_thread(void (*work)(void*), void* argument);
[[gnu::visibility("default")]] void library_run_as_task(void (*work)(void*), void* argument,
                                                        bool runs_here);
}
// NOLINTEND(readability-identifier-naming)

void* library_malloc(std::size_t size) { return std::malloc(size); }
void* library_aligned_alloc(std::size_t size) { return std::aligned_alloc(64, size); }
void* library_posix_memalign(std::size_t size) {
    void* block = nullptr;
    return ::posix_memalign(&block, 64, size) == 0 ? block : nullptr;
}
void library_free(void* block) { std::free(block); }
// Through another slot than that of a call.
void* library_malloc_function() { return reinterpret_cast<void*>(&std::malloc); }
void library_run_on_thread(void (*work)(void*), void* argument) {
    std::thread(work, argument).join();
}
void library_run_as_task(void (*work)(void*), void* argument, bool runs_here) {
    namespace d1 = tbb::detail::d1;
    d1::task task{work, argument};
    d1::task_group_context context{runs_here};
    d1::wait_context wait;
    tbb::detail::r1::execute_and_wait(task, context, wait, context);
}
