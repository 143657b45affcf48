#include "api/serving.h"

namespace larder::api {
namespace {

thread_local constinit bool serving = false;

}  // namespace

Serving::Serving() : before_(serving) { serving = true; }

Serving::~Serving() { serving = before_; }

bool Serving::is_under_way() noexcept { return serving; }

}  // namespace larder::api
