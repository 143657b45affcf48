// What goes on behind the programs of a session: one model after the other is kept, on one thread.
#pragma once

#include <memory>

namespace larder::internal::cache {

class KeepBehind;

// All of one session, in the process that made it. Thread-safe.
class Behind {
public:
    Behind();
    Behind(const Behind&) = delete;
    Behind& operator=(const Behind&) = delete;
    // Waits until nothing goes on any more, and lets nothing be exported meanwhile.
    ~Behind();

    // Whether the caller may hand a job over: not where the end of the process would take the
    // runtime away from it unnoticed.
    [[nodiscard]] bool is_possible();
    // False where no thread is to be had, or the process ends: the job is then the caller's.
    [[nodiscard]] bool start(const std::shared_ptr<KeepBehind>& job);
    // Until all that was started by now is over.
    void wait();
    // The same for no longer than their KeepBehind::delay_max, after which they are cancelled. No
    // job uses the runtime once this returns, and none is started any more.
    void end() noexcept;

private:
    // The thread may outlive this.
    class Queue;
    std::shared_ptr<Queue> queue_;
};

}  // namespace larder::internal::cache
