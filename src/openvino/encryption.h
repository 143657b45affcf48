// The encryption callbacks that a program gives to the runtime.
#pragma once

#include <memory>

#include <openvino/core/any.hpp>

#include "openvino/compat.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

class Encryption final : public runtime::Encryption {
public:
    // Returns null if there are no callbacks, or empty ones: the runtime then encrypts nothing.
    [[nodiscard]] static std::unique_ptr<Encryption> of(const ov::AnyMap& properties);

    [[nodiscard]] Result<std::string> encrypt(const std::string& text) const override;
    [[nodiscard]] Result<std::string> decrypt(const std::string& text) const override;

    [[nodiscard]] const compat::EncryptionCallbacks& callbacks() const { return callbacks_; }

private:
    explicit Encryption(compat::EncryptionCallbacks callbacks) : callbacks_(std::move(callbacks)) {}

    compat::EncryptionCallbacks callbacks_;
};

// Removes the callbacks, which have no text and are identified in another way.
[[nodiscard]] ov::AnyMap without_encryption(ov::AnyMap properties);

}  // namespace larder::internal::openvino
