// Entries that belong to the entry of a blob: for the same request, in another form.
#pragma once

#include "format/key.h"

namespace larder::internal::cache {

// Returns the key inputs of such an entry.
[[nodiscard]] inline format::KeyInputs inputs_in_form(format::KeyInputs blob_inputs,
                                                      const char* form) {
    blob_inputs["kept.form"] = form;
    return blob_inputs;
}

}  // namespace larder::internal::cache
