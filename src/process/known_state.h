// The state of a thread that decides how numbers are written, read and rounded.
#pragma once

#include <cfenv>
#include <clocale>

#include <locale.h>  // NOLINT(modernize-deprecated-headers): locale_t

namespace larder::internal::process {

// For its lifetime, the calling thread has the locale "C", rounds to nearest and keeps denormals,
// without floating-point traps; afterwards the thread has its former state. Affects only this
// thread: setlocale in other threads is neither seen nor undone. Must end on the thread on which it
// began; may be nested.
class KnownState {
public:
    KnownState() noexcept;
    KnownState(const KnownState&) = delete;
    KnownState& operator=(const KnownState&) = delete;
    ~KnownState();

private:
    std::fenv_t floating_point_{};
    locale_t locale_ = nullptr;  // null: unchanged
};

// Tells whether a new C++ stream would write and read numbers as in the locale "C". A stream has
// the process's own locale (std::locale::global), which cannot be set for one thread.
[[nodiscard]] bool streams_are_plain();

}  // namespace larder::internal::process
