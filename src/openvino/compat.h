// Differences between the OpenVINO releases from 2024.3 on: the layer compiles against the headers
// of each, and this header supplies what some of them lack.
#pragma once

#include <functional>
#include <istream>
#include <locale>
#include <memory>
#include <new>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>

#include <openvino/core/runtime_attribute.hpp>
#include <openvino/core/shape.hpp>
#include <openvino/core/version.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#define LARDER_OPENVINO_AT_LEAST(major, minor) \
    (OPENVINO_VERSION_MAJOR > (major) ||       \
     (OPENVINO_VERSION_MAJOR == (major) && OPENVINO_VERSION_MINOR >= (minor)))

#if LARDER_OPENVINO_AT_LEAST(2026, 4)
#include <openvino/frontend/gguf/tokenizer_metadata.hpp>
#endif

namespace larder::internal::openvino::compat {

// Properties that older headers do not declare. A device that does not know one either says so
// when it is asked.
inline constexpr const char* k_cache_encryption_callbacks = "CACHE_ENCRYPTION_CALLBACKS";
inline constexpr const char* k_compatibility_check = "COMPATIBILITY_CHECK";
inline constexpr const char* k_compiled_blob = "COMPILED_BLOB";
inline constexpr const char* k_enable_weightless = "ENABLE_WEIGHTLESS";
inline constexpr const char* k_runtime_requirements = "RUNTIME_REQUIREMENTS";
inline constexpr const char* k_weights_path = "WEIGHTS_PATH";

// Whether a device can be told at import to encode the topology in a way of ours.
inline constexpr bool k_has_encryption = LARDER_OPENVINO_AT_LEAST(2024, 4);

// Tells whether the OpenVINO of the process is of a release that this was compiled for. A newer
// one is served only after a trial (docs/versions.md), and with more caution: what the tests prove
// for a release, and objects of OpenVINO's classes that this code makes, may not hold there.
inline bool is_own_release() {
    static const bool k_is = [] {
        const std::string_view build = ov::get_openvino_version().buildNumber;
        const auto own = std::string(build.substr(0, build.find('-'))) + ' ';
        return std::string_view(LARDER_SERVED_RELEASES " ").find(own) != std::string_view::npos;
    }();
    return k_is;
}

// Tells whether the tests of a GPU run with this release. Their proofs hold for no other one.
inline constexpr bool k_is_tested_on_gpu = LARDER_OPENVINO_AT_LEAST(2026, 4);

#if LARDER_OPENVINO_AT_LEAST(2024, 4)
using EncryptionCallbacks = ov::EncryptionCallbacks;
#else
struct EncryptionCallbacks {
    std::function<std::string(const std::string&)> encrypt;
    std::function<std::string(const std::string&)> decrypt;
};
#endif

// Leaves room behind each object: in a release that is newer than these headers, a class of
// OpenVINO may have more members, which its constructor in OpenVINO's library fills in.
template <typename T>
struct RoomyAllocator {
    using value_type = T;
    static constexpr std::size_t k_room = 4096;

    RoomyAllocator() = default;
    template <typename Other>
    explicit RoomyAllocator(const RoomyAllocator<Other>& /*other*/) {}
    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T) + k_room));
    }
    void deallocate(T* objects, std::size_t /*count*/) { ::operator delete(objects); }
    friend bool operator==(const RoomyAllocator& /*a*/, const RoomyAllocator& /*b*/) {
        return true;
    }
};

template <typename T, typename... Arguments>
std::shared_ptr<T> make_roomy(Arguments&&... arguments) {
    return std::allocate_shared<T>(RoomyAllocator<T>{}, std::forward<Arguments>(arguments)...);
}

// A stream over bytes in memory, without a copy of them. They must outlive it.
class BytesBuffer final : public std::streambuf {
public:
    BytesBuffer(const void* bytes, std::size_t size) {
        // The class takes only what may be written, and reading it writes nothing.
        auto* const begin = const_cast<char*>(static_cast<const char*>(bytes));
        setg(begin, begin, begin + size);
    }

protected:
    pos_type seekoff(off_type offset, std::ios_base::seekdir from,
                     std::ios_base::openmode which) override {
        if ((which & std::ios_base::in) == 0) return pos_type(off_type(-1));
        off_type target = offset;
        if (from == std::ios_base::cur) target += gptr() - eback();
        if (from == std::ios_base::end) target += egptr() - eback();
        if (target < 0 || target > egptr() - eback()) return pos_type(off_type(-1));
        setg(eback(), eback() + target, egptr());
        return pos_type(target);
    }
    pos_type seekpos(pos_type position, std::ios_base::openmode which) override {
        return seekoff(off_type(position), std::ios_base::beg, which);
    }
};

// Releases up to 2025.2 import from streams alone. Of these, the CPU plugin of 2025.2 lets the
// model use the bytes where they lie, as later ones do; with the others it has a copy of them.
template <typename Target>  // a device, or a remote context
ov::CompiledModel import_from_stream(ov::Core& core, const ov::Tensor& blob, const Target& target,
                                     ov::AnyMap properties) {
    BytesBuffer buffer(blob.data(), blob.get_byte_size());
    std::istream stream(&buffer);
    stream.imbue(std::locale::classic());
    return core.import_model(stream, target, properties);
}

// 2025.3 does not import what HETERO exported from memory, and does from a stream.
inline ov::CompiledModel import_model(ov::Core& core, const ov::Tensor& blob,
                                      const std::string& device, const ov::AnyMap& properties) {
#if LARDER_OPENVINO_AT_LEAST(2025, 4)
    return core.import_model(blob, device, properties);
#elif LARDER_OPENVINO_AT_LEAST(2025, 3)
    if (device.starts_with("HETERO")) return import_from_stream(core, blob, device, properties);
    return core.import_model(blob, device, properties);
#elif LARDER_OPENVINO_AT_LEAST(2025, 2)
    auto in_place = properties;
    in_place[k_compiled_blob] = blob;
    return import_from_stream(core, blob, device, in_place);
#else
    return import_from_stream(core, blob, device, properties);
#endif
}

inline ov::CompiledModel import_model(ov::Core& core, const ov::Tensor& blob,
                                      const ov::RemoteContext& context,
                                      const ov::AnyMap& properties) {
#if LARDER_OPENVINO_AT_LEAST(2025, 3)
    return core.import_model(blob, context, properties);
#else
    return import_from_stream(core, blob, context, properties);
#endif
}

// Before 2025.2, every attribute is what decides a model.
template <typename Attribute>
bool is_deterministic(const Attribute& attribute) {
    if constexpr (requires { attribute.is_deterministic(); }) {
        return attribute.is_deterministic();
    } else {
        return true;
    }
}

// The configuration in an attribute that holds the tokenizer of a GGUF file; null for any other.
inline const ov::AnyMap* tokenizer_config(const ov::RuntimeAttribute& attribute) {
#if LARDER_OPENVINO_AT_LEAST(2026, 4)
    using Tokenizer = ov::frontend::gguf::GGUFTokenizerMetadata;
    const auto* const tokenizer = ov::as_type<const Tokenizer>(&attribute);
    return tokenizer == nullptr ? nullptr : &tokenizer->config;
#else
    static_cast<void>(attribute);
    return nullptr;
#endif
}

// A constant that refers to `bytes` and holds `owner`; null before 2024.5, where it would copy
// them.
inline std::shared_ptr<ov::op::v0::Constant> constant_over(const ov::element::Type& type,
                                                           const ov::Shape& shape,
                                                           const void* bytes,
                                                           const std::shared_ptr<void>& owner) {
#if LARDER_OPENVINO_AT_LEAST(2024, 5)
    return std::make_shared<ov::op::v0::Constant>(type, shape, bytes, owner);
#else
    static_cast<void>(type);
    static_cast<void>(shape);
    static_cast<void>(bytes);
    static_cast<void>(owner);
    return nullptr;
#endif
}

}  // namespace larder::internal::openvino::compat
