// The end of the process, noticed before anything is taken down.
#pragma once

#include <memory>

namespace larder::internal::os {

// Work of larder's own threads that uses libraries of the program's: it must be over before these
// destroy their objects.
class EndsWithProcess {
public:
    EndsWithProcess() = default;
    EndsWithProcess(const EndsWithProcess&) = delete;
    EndsWithProcess& operator=(const EndsWithProcess&) = delete;
    virtual ~EndsWithProcess() = default;

    // Once it returns, no thread of larder's uses any library but its own.
    virtual void end_with_process() noexcept = 0;
};

// Whether the process's end is noticed before its libraries destroy anything: when its main thread
// returns from main or calls exit(). That is so once this was called on the main thread, until that
// has ended. A child made by fork begins anew. Thread-safe.
[[nodiscard]] bool watch_process_end() noexcept;

// `work` is told of the end. False where that is not noticed (any more): it must not begin.
// Thread-safe.
[[nodiscard]] bool end_with_process(std::weak_ptr<EndsWithProcess> work);

}  // namespace larder::internal::os
