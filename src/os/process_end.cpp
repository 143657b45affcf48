#include "os/process_end.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <unistd.h>

namespace larder::internal::os {
namespace {

struct Watch {
    explicit Watch(pid_t process) : process_id(process) {}

    const pid_t process_id;
    std::mutex mutex;
    bool has_ended = false;
    std::vector<std::weak_ptr<EndsWithProcess>> told;
};

// Never freed: it is looked at while everything else is destroyed. In a child made by fork it is
// the parent's, whose mutex may be taken for ever.
constinit std::atomic<Watch*> current_watch{nullptr};

Watch* own_watch() noexcept {
    auto* const watch = current_watch.load();
    return watch != nullptr && watch->process_id == ::getpid() ? watch : nullptr;
}

void tell_of_end() noexcept {
    auto* const watch = own_watch();
    if (watch == nullptr) return;
    std::vector<std::weak_ptr<EndsWithProcess>> told;
    {
        const std::lock_guard lock(watch->mutex);
        watch->has_ended = true;
        told = std::move(watch->told);
    }
    for (const auto& each : told) {
        if (const auto work = each.lock()) work->end_with_process();
    }
}

// The C library destroys the objects of the thread that calls exit() before it calls what was
// registered to be called at exit, by whomever: a library may do so at any time, for objects that
// it makes when they are first needed.
class MainThread {
public:
    MainThread() = default;
    MainThread(const MainThread&) = delete;
    MainThread& operator=(const MainThread&) = delete;
    ~MainThread() { tell_of_end(); }

    // To be called on it: only then there is anything to be destroyed.
    void begin() noexcept { is_begun_ = true; }

private:
    bool is_begun_ = false;
};

thread_local MainThread main_thread;

}  // namespace

bool watch_process_end() noexcept {
    if (auto* const watch = own_watch()) {
        const std::lock_guard lock(watch->mutex);
        return !watch->has_ended;
    }
    if (::gettid() != ::getpid()) return false;
    auto* const watch = new (std::nothrow) Watch(::getpid());
    if (watch == nullptr) return false;
    main_thread.begin();
    // Nobody else is the main thread.
    current_watch.store(watch);
    return true;
}

bool end_with_process(std::weak_ptr<EndsWithProcess> work) {
    if (!watch_process_end()) return false;
    auto* const watch = own_watch();
    const std::lock_guard lock(watch->mutex);
    if (watch->has_ended) return false;
    std::erase_if(watch->told, [](const auto& each) { return each.expired(); });
    watch->told.push_back(std::move(work));
    return true;
}

}  // namespace larder::internal::os
