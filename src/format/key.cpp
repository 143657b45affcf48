#include "format/key.h"

namespace larder::internal::format {

Result<Key> Key::from_hex(std::string_view text) {
    const auto digest = Digest::from_hex(text);
    if (!digest) return fail(Errc::invalid_argument, "a key has 64 hexadecimal characters");
    return Key{*digest};
}

Key key_of(const KeyInputs& inputs) {
    Hasher hasher("larder key 1");
    for (const auto& [name, value] : inputs) hasher.update_field(name).update_field(value);
    return Key{hasher.finish()};
}

}  // namespace larder::internal::format
