#include "store/variant.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "os/composition.h"
#include "store/delta.h"
#include "store/family.h"
#include "store/matching.h"
#include "store/objects.h"
#include "store/quarantine.h"

namespace larder::internal::store {
namespace {

// The number of blobs that are tried if the first ones have too little in common with the new one.
constexpr std::size_t k_bases_max = 4;
// Once a delta is this small, no better base is looked for.
constexpr std::uint64_t k_good_part = 16;  // of the blob
constexpr std::uint64_t k_compared_bytes = std::uint64_t{8} << 20;

Result<format::Variant> read_table(os::File& file, std::uint64_t bytes) {
    std::vector<std::byte> beginning(std::min(bytes, format::k_variant_table_bytes_max));
    if (auto read = file.read_at(0, beginning); !read) return fail(std::move(read.error()));
    auto variant = format::decode_variant(beginning, bytes);
    if (!variant) variant.error().path = file.path();
    return variant;
}

Result<std::shared_ptr<os::Mapping>> compose(Context& context, const format::Variant& variant,
                                             os::File& base, os::File& delta) {
    std::vector<os::MapPiece> pieces;
    pieces.reserve(variant.segments.size());
    for (const auto& segment : variant.segments) {
        const bool is_base = segment.source == format::SegmentSource::base;
        pieces.push_back({is_base ? &base : &delta, segment.offset, segment.bytes});
    }
    return context.fs().map_pieces(pieces, variant.start_in_page);
}

bool is_variant_of(const format::Variant& variant, const Manifest& manifest, const Part& base) {
    return variant.base == base.object && variant.base_bytes == base.bytes &&
           variant.blob_bytes == manifest.blob_bytes;
}

Proof weaker(Proof a, Proof b) {
    if (a == Proof::none || b == Proof::none) return Proof::none;
    return a == Proof::read || b == Proof::read ? Proof::read : Proof::remembered;
}

}  // namespace

struct FoundDelta {
    Part base;
    Delta delta;
    std::shared_ptr<os::Mapping> blob;
    std::unique_ptr<os::File> base_file;

    [[nodiscard]] std::uint64_t own_bytes() const { return delta.own_bytes; }
};

namespace {

std::unique_ptr<FoundDelta> try_base(Context& context, const Digest& object,
                                     const std::shared_ptr<os::Mapping>& blob) {
    const auto info = context.fs().info(context.layout.object(object));
    if (!info) return nullptr;
    auto found = std::make_unique<FoundDelta>();
    found->base = {std::string(format::k_base_part), object, info->stamp.size_bytes};
    if (is_distrusted(context, object)) return nullptr;
    // Verifies the base.
    auto opened = open_verified(context, {}, found->base, VerifyPolicy::once);
    if (!opened) return nullptr;
    const auto base = context.fs().map(*opened->file, found->base.bytes);
    if (!base) return nullptr;
    const auto matches = find_matches(blob->bytes(), (*base)->bytes(), context.threads);
    auto delta = plan_delta(blob->bytes(), found->base.bytes, matches);
    if (!delta) return nullptr;
    found->delta = std::move(*delta);
    found->delta.variant.base = object;
    found->blob = blob;
    found->base_file = std::move(opened->file);
    return found;
}

}  // namespace

VariantInMaking::VariantInMaking(std::unique_ptr<FoundDelta> found) : found_(std::move(found)) {}
VariantInMaking::VariantInMaking(VariantInMaking&&) noexcept = default;
VariantInMaking& VariantInMaking::operator=(VariantInMaking&&) noexcept = default;
VariantInMaking::~VariantInMaking() = default;

std::optional<VariantInMaking> VariantInMaking::find(Context& context, const Digest& family,
                                                     os::File& blob, std::uint64_t blob_bytes,
                                                     const Digest& digest) {
    if (blob_bytes < k_variant_blob_bytes_min) return std::nullopt;
    auto members = read_family(context, family);
    // A blob with the same bytes needs no delta.
    if (std::find(members.begin(), members.end(), digest) != members.end()) return std::nullopt;
    if (members.size() > k_bases_max) members.resize(k_bases_max);
    if (members.empty()) return std::nullopt;
    const auto mapping = context.fs().map(blob, blob_bytes);
    if (!mapping) return std::nullopt;
    std::unique_ptr<FoundDelta> best;
    for (const auto& member : members) {
        auto found = try_base(context, member, *mapping);
        if (!found || (best && found->own_bytes() >= best->own_bytes())) continue;
        best = std::move(found);
        if (best->own_bytes() <= blob_bytes / k_good_part) break;
    }
    if (!best) return std::nullopt;
    best->delta.variant.blob = digest;
    return VariantInMaking(std::move(best));
}

PartSource VariantInMaking::delta() const {
    return {std::string(format::k_delta_part), [found = found_.get()](StagedFile& file) {
                const auto& delta = found->delta;
                auto written = file.write_at(0, format::encode_variant(delta.variant));
                for (const auto& literal : delta.literals) {
                    if (!written) break;
                    written = file.write_at(literal.own_offset, found->blob->bytes().subspan(
                                                                    literal.offset, literal.bytes));
                }
                return written;
            }};
}

const Part& VariantInMaking::base() const { return found_->base; }

Result<void> VariantInMaking::confirm(Context& context, os::File& delta,
                                      std::uint64_t delta_bytes) const {
    const auto variant = read_table(delta, delta_bytes);
    if (!variant) return fail(variant.error());
    const auto composed = compose(context, *variant, *found_->base_file, delta);
    if (!composed) return fail(composed.error());
    const auto expected = found_->blob->bytes();
    const auto bytes = (*composed)->bytes();
    const auto differ = [&] {
        return fail(Errc::damaged, "the pieces of a blob do not make it up:", delta.path());
    };
    if (bytes.size() != expected.size()) return differ();
    return parallel_for((bytes.size() + k_compared_bytes - 1) / k_compared_bytes, context.threads,
                        [&](std::uint64_t i) -> Result<void> {
                            const auto at = i * k_compared_bytes;
                            const auto count = std::min(k_compared_bytes, bytes.size() - at);
                            if (std::memcmp(bytes.data() + at, expected.data() + at, count) != 0) {
                                return differ();
                            }
                            return {};
                        });
}

void VariantInMaking::release_blob() { found_->blob.reset(); }

PartSource VariantInMaking::whole(Context& context, os::File& delta,
                                  std::uint64_t delta_bytes) const {
    return {"", [&, delta_bytes, this](StagedFile& file) -> Result<void> {
                const auto variant = read_table(delta, delta_bytes);
                if (!variant) return fail(variant.error());
                const auto composed = compose(context, *variant, *found_->base_file, delta);
                if (!composed) return fail(composed.error());
                return file.write_at(0, (*composed)->bytes());
            }};
}

std::optional<format::Variant> read_variant(os::File& file, std::uint64_t bytes) {
    auto variant = read_table(file, bytes);
    if (!variant) return std::nullopt;
    return std::move(*variant);
}

Result<MappedObject> map_variant(Context& context, const Manifest& manifest, VerifyPolicy policy,
                                 const ChunkVisitor& visit) {
    const auto& own = manifest.own_part();
    const auto is_base = [](const Part& part) { return part.name == format::k_base_part; };
    const auto base_part = std::find_if(manifest.parts.begin(), manifest.parts.end(), is_base);
    if (base_part == manifest.parts.end()) return fail(Errc::damaged, "a variant without a base");
    auto delta = open_verified(context, manifest.key, own, policy, visit);
    if (!delta) return fail(std::move(delta.error()));
    auto base = open_verified(context, manifest.key, *base_part, policy, visit);
    if (!base) return fail(std::move(base.error()));
    auto variant = read_table(*delta->file, own.bytes);
    if (variant && !is_variant_of(*variant, manifest, *base_part)) {
        variant = fail(Errc::damaged, "of another base:", delta->file->path());
    }
    if (!variant) {
        // The bytes are those that were published, and are invalid all the same.
        if (variant.error().code == Errc::damaged) {
            static_cast<void>(quarantine_object(context, manifest.key, own.object, delta->stamp));
        }
        return fail(std::move(variant.error()));
    }
    auto mapping = compose(context, *variant, *base->file, *delta->file);
    if (!mapping) return fail(std::move(mapping.error()));
    MappedObject object{
        std::move(*mapping), {}, own.object, delta->stamp, weaker(delta->proof, base->proof)};
    const std::shared_ptr<os::File> base_file = std::move(base->file);
    const std::shared_ptr<os::File> delta_file = std::move(delta->file);
    std::uint64_t offset = 0;
    for (const auto& segment : variant->segments) {
        const bool from_base = segment.source == format::SegmentSource::base;
        // Shorter segments were copied.
        if (segment.bytes >= os::k_mapped_bytes_min) {
            object.ranges.push_back(
                {offset, segment.bytes, from_base ? base_file : delta_file, segment.offset});
        }
        offset += segment.bytes;
    }
    return object;
}

}  // namespace larder::internal::store
