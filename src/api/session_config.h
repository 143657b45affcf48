// From a caller's options to a session's.
#pragma once

#include "cache/session.h"
#include "larder/options.hpp"

namespace larder::api {

// Reads TMPDIR.
[[nodiscard]] internal::cache::Config session_config(const Options& options);

}  // namespace larder::api
