// Which pages of a mapping are in memory. Private to os/.
#pragma once

#include <string_view>

namespace larder::internal::os {

// Whether the page that begins at `page` is; false where that cannot be told.
[[nodiscard]] bool is_resident(const void* page) noexcept;

// Whether a process may ask, by its variable INVOCATION_ID (null if there is none) and what
// /proc/self/status says. systemd sets the one for services, and where it also filters their system
// calls, asking may end the process: mincore is not in its set @system-service.
[[nodiscard]] bool may_ask_for_residency(const char* invocation_id, std::string_view status);

}  // namespace larder::internal::os
