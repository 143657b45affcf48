// Releases memory that a compile leaves behind.
#include <utility>

#include "cache/attempt/attempt.h"
#include "cache/pages/blob_pages.h"
#include "cache/pages/scratch.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

// If the weights take more than this part of the available memory, replacing the compiled model,
// which holds them as well as its own copy, is worth the time of an import.
constexpr std::uint64_t k_part_of_memory_that_is_short = 4;

}  // namespace

std::unique_ptr<SourcePages> Attempt::read_model() {
    if (!session_.config().release_memory) return nullptr;
    // No byte of an encrypted model is written to a disk in clear.
    if (request_.encryption() == nullptr) {
        request_.unpack_into(std::make_shared<ScratchWeights>(session_.system().fs, *store_));
    }
    return std::make_unique<SourcePages>(request_.read_weights());
}

bool Attempt::is_lean(const format::Manifest& kept, const SourcePages* source_pages) const {
    return kept.referred_bytes() >= kept.total_bytes() / 2 && source_pages != nullptr &&
           source_pages->hold_the_weights() && !compiled_ && !kept.notes.contains(k_kernels_note) &&
           kept.own_part().bytes < k_releasable_blob_bytes;
}

bool Attempt::is_to_be_exchanged(const SourcePages* source_pages) const {
    const auto& config = session_.config();
    // Only an imported model has a directory that its new kernels are published from.
    if (request_.makes_kernels() && request_.takes_kernels()) return true;
    if (!config.release_memory || !request_.compiled_holds_model()) return false;
    if (config.share == Share::on && !request_.unpacking_libraries().empty()) return true;
    if (config.exchange == Exchange::always) return true;
    const auto bytes = source_pages != nullptr ? source_pages->weight_bytes() : 0;
    return bytes > os::read_available_memory_bytes() / k_part_of_memory_that_is_short;
}

Result<void> Attempt::exchange(const format::Manifest& kept) {
    const bool frees = session_.config().release_memory && request_.compiled_holds_model() &&
                       kept.total_bytes() >= k_releasable_blob_bytes;
    // Only an imported model has a directory that its new kernels are published from.
    const bool keeps = kept.notes.contains(k_kernels_note) && request_.takes_kernels();
    if (!frees && !keeps) return {};
    // A blob is not tried again after the runtime has refused or crashed with one of this key.
    if (refused_ || blame_.crashes > 0) return {};
    // If the import fails, the model has to be compiled once more.
    if (model_.origin == ModelOrigin::caller || !confirm_model()) return {};
    auto manifest = kept;
    const auto object = open_blob(manifest);
    // The object was removed meanwhile: the compiled model stays in use.
    if (!object) return {};
    // Released before the import, so that there are never two in memory.
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
