// What a compile leaves in memory.
#include <utility>

#include "cache/attempt.h"
#include "cache/blob_pages.h"
#include "cache/scratch.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

// A model that takes so much of what is left is better imported anew than held with all that it
// was compiled from.
constexpr std::uint64_t k_part_of_memory_that_is_short = 4;

}  // namespace

std::unique_ptr<SourcePages> Attempt::read_model() {
    if (!session_.config().release_memory) return nullptr;
    // No byte of it touches a disk in clear.
    if (request_.encryption() == nullptr) {
        request_.unpack_into(std::make_shared<ScratchWeights>(session_.system().fs, *store_));
    }
    return std::make_unique<SourcePages>(request_.read_weights());
}

bool Attempt::is_to_be_exchanged(const SourcePages* source_pages) const {
    const auto& config = session_.config();
    // Only what is imported keeps the kernels that it makes.
    if (request_.makes_kernels() && request_.takes_kernels()) return true;
    if (!config.release_memory || !request_.compiled_holds_model()) return false;
    // Only what is imported can be shared.
    if (config.share == Share::on && !request_.unpacking_libraries().empty()) return true;
    // Pages of the model's files are given back as they are.
    if (source_pages != nullptr && source_pages->hold_the_weights()) return false;
    if (config.exchange == Exchange::always) return true;
    std::uint64_t bytes = 0;
    for (const auto& file : identified_.model.files) bytes += file.bytes;
    if (identified_.weights) {
        for (const auto& range : identified_.weights->in_files) bytes += range.bytes;
        for (const auto& range : identified_.weights->in_memory) bytes += range.bytes.size();
    }
    return bytes > os::read_available_memory_bytes() / k_part_of_memory_that_is_short;
}

Result<void> Attempt::exchange(const format::Manifest& kept) {
    const bool keeps_kernels = kept.notes.contains(k_kernels_note);
    if (!keeps_kernels && kept.total_bytes() < k_releasable_blob_bytes) return {};
    // What the runtime has refused or died of is not tried twice.
    if (refused_ || blame_.crashes > 0) return {};
    // Should the import fail, the model has to be there once more.
    if (model_.origin == ModelOrigin::caller || !confirm_model()) return {};
    auto manifest = kept;
    const auto object = open_blob(manifest);
    // Somebody has removed it: what was compiled is as good.
    if (!object) return {};
    // Before the import, so that there are never two.
    request_.release_compiled();
    os::return_freed_memory();
    const auto refusals = refusals_;
    if (import_blob(manifest, *object)) return {};
    if (refusals_ > refusals) note_refusal(Refused::when_exported);
    if (auto reason = reason_to_withhold(); !reason.empty()) note_kept(withhold(std::move(reason)));
    if (auto readable = make_readable(); !readable) return readable;
    request_.compile();
    request_.release_model();
    return {};
}

}  // namespace larder::internal::cache
