// An object that belongs to the process that made it.
#pragma once

#include <cstdint>
#include <memory>

#include "os/system.h"

namespace larder::internal::cache {

// A child made by fork gets a `T` of its own: threads of its parent may have held locks of the
// parent's object, and do not exist in the child to release them. The child neither uses nor frees
// the parent's object. As thread-safe as a unique_ptr.
template <class T>
class ProcessOwn {
public:
    ProcessOwn() = default;
    ProcessOwn(const ProcessOwn&) = delete;
    ProcessOwn& operator=(const ProcessOwn&) = delete;
    ~ProcessOwn() { end(); }

    [[nodiscard]] T& get() {
        if (!value_ || !is_ours()) {
            end();
            value_ = std::make_unique<T>();
            process_ = os::current_process_id();
        }
        return *value_;
    }
    // Null where there is none of this process's.
    [[nodiscard]] T* find() const { return is_ours() ? value_.get() : nullptr; }
    void end() {
        if (value_ && !is_ours()) static_cast<void>(value_.release());
        value_.reset();
    }

private:
    [[nodiscard]] bool is_ours() const { return process_ == os::current_process_id(); }

    std::unique_ptr<T> value_;
    std::int64_t process_ = 0;
};

}  // namespace larder::internal::cache
