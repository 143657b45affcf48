#include "process/task_marks.h"

#include <array>
#include <atomic>

#include <dlfcn.h>

namespace larder::internal::process {

// Its context lives as long as it is in here, so that a thread that runs a task of the context
// reads the mark of no other.
struct MarkedContext {
    std::atomic<const void*> context{nullptr};
    std::atomic<std::uint64_t> mark{0};
};

namespace {

// tbb::detail::r1::current_context(): the context of the task that the calling thread is running;
// null if it runs none.
constexpr const char* k_current_context = "_ZN3tbb6detail2r115current_contextEv";
using CurrentContext = const void* (*)();
constinit std::atomic<CurrentContext> current_context{nullptr};

// Without a lock, which a child made by fork could find taken. Such a child has the contexts of its
// parent's threads in here for ever; it never gives their marks to an import of its own.
constexpr std::size_t k_contexts_max = 64;
constinit std::array<MarkedContext, k_contexts_max> marked_contexts;
constinit std::atomic<unsigned> marked_count{0};
constexpr char k_reserved = 0;

}  // namespace

void follow_tasks_of(void* run_tasks) {
    Dl_info found{};
    if (::dladdr(run_tasks, &found) == 0 || found.dli_fname == nullptr) return;
    void* const handle = ::dlopen(found.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) return;
    // Called only within `run_tasks`, while its object is certainly loaded.
    current_context = reinterpret_cast<CurrentContext>(::dlsym(handle, k_current_context));
    ::dlclose(handle);
}

MarkedTasks::MarkedTasks(const void* context, std::uint64_t mark) noexcept {
    for (auto& marked : marked_contexts) {
        const void* expected = nullptr;
        if (!marked.context.compare_exchange_strong(expected, &k_reserved)) continue;
        marked.mark = mark;
        marked.context = context;
        context_ = &marked;
        ++marked_count;
        return;
    }
}

MarkedTasks::~MarkedTasks() {
    if (context_ == nullptr) return;
    --marked_count;
    context_->context = nullptr;
}

std::uint64_t mark_of_current_task() noexcept {
    // Most often no tasks are marked; oneTBB would prepare a thread that it does not know.
    if (marked_count == 0) return 0;
    const auto ask = current_context.load();
    const void* const context = ask == nullptr ? nullptr : ask();
    if (context == nullptr) return 0;
    for (const auto& marked : marked_contexts) {
        if (marked.context == context) return marked.mark;
    }
    return 0;
}

}  // namespace larder::internal::process
