#include "process/thread_mark.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "process/bound_imports.h"
#include "process/linkage.h"
#include "process/task_marks.h"

namespace larder::internal::process {
namespace {

thread_local constinit std::uint64_t mark = 0;
thread_local constinit std::uint64_t own_calls = 0;
constinit std::atomic<std::uint64_t> last_mark{0};
constinit std::atomic<std::uint64_t> calls{0};

// The inline constructor of std::thread calls this function with the function to be run.
constexpr std::string_view k_start_thread =
    "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE";

using State = std::thread::_State;
using StartThread = void (*)(std::thread*, std::unique_ptr<State>, void (*)());
using RunTasks = void (*)(void*, void*, void*, void*);
using Counted = void (*)(void*, void*, void*, void*, void*);

// The former content of the slots. Never reset: a thread may be in a redirected call.
constinit std::atomic<StartThread> real_start{nullptr};
constinit std::atomic<RunTasks> real_run_tasks{nullptr};
constinit std::atomic<Counted> real_counted{nullptr};

class MarkedState final : public State {
public:
    MarkedState(std::unique_ptr<State> inner, std::uint64_t inherited)
        : inner_(std::move(inner)), inherited_(inherited) {}
    void _M_run() override {
        mark = inherited_;
        inner_->_M_run();
    }

private:
    std::unique_ptr<State> inner_;
    std::uint64_t inherited_;
};

void redirected_start(std::thread* thread, std::unique_ptr<State> state, void (*depend)()) {
    const auto inherited = current_thread_mark();
    if (inherited != 0) state = std::make_unique<MarkedState>(std::move(state), inherited);
    real_start.load(std::memory_order_acquire)(thread, std::move(state), depend);
}

void redirected_run_tasks(void* task, void* context, void* wait, void* wait_context) {
    const auto run = real_run_tasks.load(std::memory_order_acquire);
    const auto inherited = current_thread_mark();
    if (inherited == 0) return run(task, context, wait, wait_context);
    const MarkedTasks marked(context, inherited);
    run(task, context, wait, wait_context);  // may throw what a task has thrown
}

void redirected_counted(void* first, void* second, void* third, void* fourth, void* fifth) {
    ++own_calls;
    ++calls;
    real_counted.load(std::memory_order_acquire)(first, second, third, fourth, fifth);
}

template <typename Function>
bool remember_thread_call(std::atomic<Function>& real, void* held) {
    Function none = nullptr;
    const auto function = reinterpret_cast<Function>(held);
    return real.compare_exchange_strong(none, function) || none == function;
}

// All slots that are redirected now.
class RedirectedThreads {
public:
    void open(const std::vector<std::string_view>& libraries, std::string_view counted) {
        const std::array<void*, 3> ours{reinterpret_cast<void*>(&redirected_start),
                                        reinterpret_cast<void*>(&redirected_run_tasks),
                                        reinterpret_cast<void*>(&redirected_counted)};
        std::vector<std::string_view> names{k_start_thread, k_run_tasks};
        if (!counted.empty()) names.push_back(counted);
        // Calls the loader, and therefore does not hold the lock.
        std::vector<LoadedLibrary> loaded;
        for (const auto& name : libraries) {
            for (auto& library : LoadedLibrary::find(name)) loaded.push_back(std::move(library));
        }
        const ProgramStubs stubs(names);
        std::vector<ImportSlot> slots;
        for (const auto& library : loaded) {
            std::ranges::move(bind_import_slots(library, names, stubs, ours),
                              std::back_inserter(slots));
        }
        for (const auto& slot : slots) {
            void* const held = slot.load();
            if (slot.function() == k_run_tasks && held != ours[1]) {
                follow_tasks_of(stubs.behind(held));
            }
        }
        const std::scoped_lock lock(mutex_);
        ++scopes_;
        for (const auto& slot : slots) redirect(slot, stubs);
        std::ranges::move(loaded, std::back_inserter(libraries_));
    }

    void close() {
        // Released after the lock: the loader may run destructors.
        std::vector<LoadedLibrary> libraries;
        const std::scoped_lock lock(mutex_);
        if (--scopes_ > 0) return;
        for (const auto& [slot, held] : slots_) {
            static_cast<void>(slot.exchange(replacement_of(slot), held));
        }
        slots_.clear();
        libraries.swap(libraries_);
    }

    [[nodiscard]] bool counts(std::string_view counted) {
        const std::scoped_lock lock(mutex_);
        return std::ranges::any_of(
            slots_, [&](const auto& one) { return one.first.function() == counted; });
    }

private:
    static void* replacement_of(const ImportSlot& slot) {
        if (slot.function() == k_start_thread) return reinterpret_cast<void*>(&redirected_start);
        if (slot.function() == k_run_tasks) return reinterpret_cast<void*>(&redirected_run_tasks);
        return reinterpret_cast<void*>(&redirected_counted);
    }
    void redirect(const ImportSlot& slot, const ProgramStubs& stubs) {
        void* const ours = replacement_of(slot);
        void* const held = slot.load();
        if (held == nullptr || held == ours) return;
        void* const real = stubs.behind(held);
        if (remember_real(slot, real) && slot.exchange(held, ours)) {
            slots_.emplace_back(slot, held);
        }
    }
    static bool remember_real(const ImportSlot& slot, void* real) {
        if (slot.function() == k_start_thread) return remember_thread_call(real_start, real);
        if (slot.function() == k_run_tasks) return remember_thread_call(real_run_tasks, real);
        return remember_thread_call(real_counted, real);
    }

    std::mutex mutex_;
    int scopes_ = 0;
    std::vector<std::pair<ImportSlot, void*>> slots_;
    std::vector<LoadedLibrary> libraries_;
};

// Never destroyed: threads may be started while the process ends.
RedirectedThreads& redirected_threads() {
    static auto* const k_redirected_threads = new RedirectedThreads;
    return *k_redirected_threads;
}

}  // namespace

ThreadMark::ThreadMark(const std::vector<std::string_view>& libraries, std::string_view counted)
    : id_(++last_mark), before_(std::exchange(mark, id_)) {
    is_open_ = stay_loaded();
    if (!is_open_) return;
    redirected_threads().open(libraries, counted);
    counts_ = !counted.empty() && redirected_threads().counts(counted);
    calls_before_ = calls;
    own_calls_before_ = own_calls;
}

ThreadMark::~ThreadMark() {
    mark = before_;
    if (is_open_) redirected_threads().close();
}

bool ThreadMark::is_anybody_else_calling() const {
    return !counts_ || calls - calls_before_ != own_calls - own_calls_before_;
}

std::uint64_t current_thread_mark() noexcept {
    const auto followed = mark_of_current_task();
    return followed != 0 ? followed : mark;
}

}  // namespace larder::internal::process
