// Common flags of compile and why.
#pragma once

#include "cli/runtime.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours to name
class App;
}

namespace larder::cli {

void declare_request(CLI::App& verb, RequestFlags& flags);

}  // namespace larder::cli
