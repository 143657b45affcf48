#include "openvino/encryption.h"

namespace larder::internal::openvino {
namespace {

// The callback's own messages are not logged: they may contain secrets.
Result<std::string> call(const std::function<std::string(const std::string&)>& callback,
                         const std::string& text, const char* failed) {
    try {
        return callback(text);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (...) {
        return fail(Errc::unsupported, failed);
    }
}

}  // namespace

std::unique_ptr<Encryption> Encryption::of(const ov::AnyMap& properties) {
    const auto found = properties.find(compat::k_cache_encryption_callbacks);
    if (found == properties.end() || !found->second.is<compat::EncryptionCallbacks>())
        return nullptr;
    const auto& callbacks = found->second.as<compat::EncryptionCallbacks>();
    if (!callbacks.encrypt || !callbacks.decrypt) return nullptr;
    return std::unique_ptr<Encryption>(new Encryption(callbacks));
}

Result<std::string> Encryption::encrypt(const std::string& text) const {
    return call(callbacks_.encrypt, text, "the program's encryption callback failed");
}

Result<std::string> Encryption::decrypt(const std::string& text) const {
    return call(callbacks_.decrypt, text, "the program's decryption callback failed");
}

ov::AnyMap without_encryption(ov::AnyMap properties) {
    const auto found = properties.find(compat::k_cache_encryption_callbacks);
    if (found != properties.end() && found->second.is<compat::EncryptionCallbacks>()) {
        properties.erase(found);
    }
    return properties;
}

}  // namespace larder::internal::openvino
