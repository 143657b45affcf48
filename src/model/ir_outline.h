// Examines an OpenVINO IR without an XML parser.
#pragma once

#include "base/result.h"
#include "model/byte_source.h"

namespace larder::internal::model {

// Tells whether the root element is <net>.
[[nodiscard]] Result<bool> is_ir(ByteSource& source);

// Tells whether it has constants, whose values are in the .bin file. Reads the whole file.
[[nodiscard]] Result<bool> has_constants(ByteSource& source);

}  // namespace larder::internal::model
