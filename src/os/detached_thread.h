// A thread of larder's own that nobody waits for.
#pragma once

#include <functional>

namespace larder::internal::os {

// Runs `work` on a thread that takes no signal of the program's. Whatever it uses must stay until
// it has ended. False if no thread is to be had. What `work` throws ends it, and nothing else.
[[nodiscard]] bool start_detached(std::function<void()> work);

}  // namespace larder::internal::os
