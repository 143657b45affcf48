// A mutex that a child made by fork finds free, although a thread of its parent may have held it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "os/system.h"

namespace larder::internal::os {

// As std::mutex. What it guards must be of use however far that thread had come with it. Not to be
// held by the thread that forks.
class ForkMutex {
public:
    ForkMutex() : current_(new Owned) {}
    ForkMutex(const ForkMutex&) = delete;
    ForkMutex& operator=(const ForkMutex&) = delete;
    ~ForkMutex() {
        // That of a parent may be taken for ever, and must not be destroyed then.
        auto* const owned = current_.load();
        if (owned->process == current_process_id()) delete owned;
    }

    void lock() { own().mutex.lock(); }
    void unlock() { current_.load()->mutex.unlock(); }

private:
    struct Owned {
        const std::int64_t process = current_process_id();
        std::mutex mutex;
    };

    Owned& own() {
        auto* owned = current_.load();
        if (owned->process == current_process_id()) return *owned;
        auto fresh = std::make_unique<Owned>();
        if (current_.compare_exchange_strong(owned, fresh.get())) return *fresh.release();
        return *owned;
    }

    std::atomic<Owned*> current_;
};

}  // namespace larder::internal::os
