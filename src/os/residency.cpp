#include "os/residency.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <sys/mman.h>

namespace larder::internal::os {
namespace {

bool may_ask() noexcept {
    try {
        std::ostringstream status;
        status << std::ifstream("/proc/self/status").rdbuf();
        const char* const id = std::getenv("INVOCATION_ID");  // NOLINT(concurrency-mt-unsafe)
        return may_ask_for_residency(id, status.str());
    } catch (const std::exception&) {
        return false;
    }
}

}  // namespace

bool may_ask_for_residency(const char* invocation_id, std::string_view status) {
    if (invocation_id == nullptr) return true;
    return status.find("\nSeccomp:\t0\n") != std::string_view::npos;
}

bool is_resident(const void* page) noexcept {
    static const bool may = may_ask();
    unsigned char state = 0;
    return may && ::mincore(const_cast<void*>(page), 1, &state) == 0 && (state & 1U) != 0;
}

}  // namespace larder::internal::os
