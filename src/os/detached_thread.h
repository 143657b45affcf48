// A thread of larder's own that nothing waits for.
#pragma once

#include <functional>

namespace larder::internal::os {

// Runs `work` on a thread that receives none of the program's signals. Objects that it uses must
// live until it has ended. False if no thread could be started. An exception ends `work`, and
// nothing else.
[[nodiscard]] bool start_detached(std::function<void()> work);

}  // namespace larder::internal::os
