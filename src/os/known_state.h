// The state of a thread that decides how numbers are written, read and rounded.
#pragma once

#include <cfenv>
#include <clocale>

#include <locale.h>  // NOLINT(modernize-deprecated-headers): locale_t

namespace larder::internal::os {

// For as long as it lives, the calling thread has the locale "C", rounds to the nearest and keeps
// denormals, without floating-point traps; then it has what it had before. Only the thread is
// concerned: setlocale in other threads is neither seen nor undone. Ends on the thread on which it
// began; may be nested.
class KnownState {
public:
    KnownState() noexcept;
    KnownState(const KnownState&) = delete;
    KnownState& operator=(const KnownState&) = delete;
    ~KnownState();

private:
    std::fenv_t floating_point_{};
    locale_t locale_ = nullptr;  // null: it was not changed
};

// Whether a C++ stream made now would write and read numbers as in the locale "C". Its locale is
// the process's own (std::locale::global): it cannot be set for one thread.
[[nodiscard]] bool streams_are_plain();

}  // namespace larder::internal::os
