// What can be told of an OpenVINO IR without an XML parser.
#pragma once

#include "base/result.h"
#include "model/byte_source.h"

namespace larder::internal::model {

// Whether the root element is <net>.
[[nodiscard]] Result<bool> is_ir(ByteSource& source);

// Whether it has constants, whose values are in the .bin file. Reads all of it.
[[nodiscard]] Result<bool> has_constants(ByteSource& source);

}  // namespace larder::internal::model
