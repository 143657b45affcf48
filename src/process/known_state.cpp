#include "process/known_state.h"

#include <locale>
#include <typeinfo>

namespace larder::internal::process {
namespace {

// Never freed: a thread may still use it when the process ends. For "C" the C library allocates
// nothing.
locale_t c_locale() noexcept {
    static const locale_t locale = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return locale;
}

// A program may have installed facets of its own.
template <class Facet>
bool has_facet_of(const std::locale& one, const std::locale& other) {
    return typeid(std::use_facet<Facet>(one)) == typeid(std::use_facet<Facet>(other));
}

}  // namespace

KnownState::KnownState() noexcept {
    std::fegetenv(&floating_point_);
    std::fesetenv(FE_DFL_ENV);
    if (const auto locale = c_locale(); locale != nullptr) locale_ = ::uselocale(locale);
}

KnownState::~KnownState() {
    if (locale_ != nullptr) ::uselocale(locale_);
    std::fesetenv(&floating_point_);
}

bool streams_are_plain() {
    const std::locale now;
    const auto& classic = std::locale::classic();
    if (now == classic) return true;
    const auto& names = std::use_facet<std::numpunct<char>>(now);
    const auto& plain = std::use_facet<std::numpunct<char>>(classic);
    return names.decimal_point() == plain.decimal_point() && names.grouping() == plain.grouping() &&
           names.truename() == plain.truename() && names.falsename() == plain.falsename() &&
           has_facet_of<std::num_put<char>>(now, classic) &&
           has_facet_of<std::num_get<char>>(now, classic) &&
           has_facet_of<std::ctype<char>>(now, classic);
}

}  // namespace larder::internal::process
