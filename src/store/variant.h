// Blobs that are stored as pieces of another object, their base, and a delta. Private to store/.
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

// Smaller blobs gain nothing: files take whole blocks.
inline constexpr std::uint64_t k_variant_blob_bytes_min = std::uint64_t{256} << 10;

struct FoundDelta;

// A blob that was written whole, and is to be stored as a variant instead.
class VariantInMaking {
public:
    // Looks for a base among the blobs of a family. Returns nothing if no base pays, or after any
    // error: the blob is then stored raw.
    [[nodiscard]] static std::optional<VariantInMaking> find(Context& context, const Digest& family,
                                                             os::File& blob,
                                                             std::uint64_t blob_bytes,
                                                             const Digest& digest);
    VariantInMaking(VariantInMaking&&) noexcept;
    VariantInMaking& operator=(VariantInMaking&&) noexcept;
    VariantInMaking(const VariantInMaking&) = delete;
    VariantInMaking& operator=(const VariantInMaking&) = delete;
    ~VariantInMaking();

    // Writes the delta. Must not be used after this object is gone.
    [[nodiscard]] PartSource delta() const;
    [[nodiscard]] const Part& base() const;
    // Reads the written delta and compares the blob that it makes with the original. Errc::damaged
    // if they differ.
    [[nodiscard]] Result<void> confirm(Context& context, os::File& delta,
                                       std::uint64_t delta_bytes) const;
    // Releases the original blob: neither delta nor confirm may be called from now on.
    void release_blob();
    // Writes the blob from a confirmed delta and the base, which may have lost its name. Must not
    // be used after this object, `context` or `delta` is gone.
    [[nodiscard]] PartSource whole(Context& context, os::File& delta,
                                   std::uint64_t delta_bytes) const;

private:
    explicit VariantInMaking(std::unique_ptr<FoundDelta> found);

    std::unique_ptr<FoundDelta> found_;
};

// Does Store::open_blob for an entry in Encoding::variant.
[[nodiscard]] Result<MappedObject> map_variant(Context& context, const Manifest& manifest,
                                               VerifyPolicy policy, const ChunkVisitor& visit = {});

// Returns the base of an object that is a delta; nothing for others. Reads the object's beginning.
[[nodiscard]] std::optional<format::Variant> read_variant(os::File& file, std::uint64_t bytes);

}  // namespace larder::internal::store
