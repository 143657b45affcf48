// Blobs that are kept as pieces of another object, their base, and a delta. Private to store/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "format/variant.h"
#include "store/content.h"
#include "store/context.h"
#include "store/publish.h"
#include "store/types.h"

namespace larder::internal::store {

// Of smaller blobs, nothing is gained: files are kept in whole blocks.
inline constexpr std::uint64_t k_variant_blob_bytes_min = std::uint64_t{256} << 10;

struct FoundDelta;

// A blob that was written whole, and is to be kept as a variant instead.
class VariantInMaking {
public:
    // Looks for a base among the blobs of a family. Nothing where there is none that would pay, or
    // where anything went wrong: the blob is then kept whole.
    [[nodiscard]] static std::optional<VariantInMaking> find(Context& context, const Digest& family,
                                                             os::File& blob,
                                                             std::uint64_t blob_bytes,
                                                             const Digest& digest);
    VariantInMaking(VariantInMaking&&) noexcept;
    VariantInMaking& operator=(VariantInMaking&&) noexcept;
    VariantInMaking(const VariantInMaking&) = delete;
    VariantInMaking& operator=(const VariantInMaking&) = delete;
    ~VariantInMaking();

    // Writes the delta. Not to be used after this object.
    [[nodiscard]] PartSource delta() const;
    [[nodiscard]] const Part& base() const;
    // Reads the delta that was written and compares what it makes with the blob. Errc::damaged if
    // they differ.
    [[nodiscard]] Result<void> confirm(Context& context, os::File& delta,
                                       std::uint64_t delta_bytes) const;
    // The blob itself is not needed any more: neither delta nor confirm is called from now on.
    void release_blob();
    // Writes the blob, from a delta that was confirmed, and from the base, which may have lost its
    // name. Not to be used after this object, `context` or `delta`.
    [[nodiscard]] PartSource whole(Context& context, os::File& delta,
                                   std::uint64_t delta_bytes) const;

private:
    explicit VariantInMaking(std::unique_ptr<FoundDelta> found);

    std::unique_ptr<FoundDelta> found_;
};

// As Store::open_blob, of an entry in Encoding::variant.
[[nodiscard]] Result<MappedObject> map_variant(Context& context, const Manifest& manifest,
                                               VerifyPolicy policy, const ChunkVisitor& visit = {});

// The base of an object that is a delta; nothing for others. Reads the object's beginning.
[[nodiscard]] std::optional<format::Variant> read_variant(os::File& file, std::uint64_t bytes);

}  // namespace larder::internal::store
