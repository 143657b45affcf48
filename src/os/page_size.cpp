#include "os/page_size.h"

#include <unistd.h>

namespace larder::internal::os {

std::uint64_t page_bytes() {
    static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

}  // namespace larder::internal::os
