// Tells which pages of a mapping are in memory. Private to os/.
#pragma once

#include <string_view>

namespace larder::internal::os {

// Tells whether the page that begins at `page` is in memory; false if unknown.
[[nodiscard]] bool is_resident(const void* page) noexcept;

// Tells whether a process may ask for that, from its variable INVOCATION_ID (null if there is none)
// and the text of /proc/self/status. systemd sets that variable for services. If it also filters a
// service's system calls, asking may end the process: mincore is not in its set @system-service.
[[nodiscard]] bool may_ask_for_residency(const char* invocation_id, std::string_view status);

}  // namespace larder::internal::os
