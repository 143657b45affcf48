#include "cache/attempt/replacement.h"

#include <utility>

#include "cache/attempt/compile.h"
#include "cache/attempt/keep.h"
#include "cache/attempt/load.h"
#include "cache/entries/kernels.h"
#include "cache/pages/blob_pages.h"
#include "cache/pages/scratch.h"
#include "cache/sharing/weight_sharing.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

// If the weights take more than this part of the available memory, replacing the compiled model,
// which holds them as well as its own copy, is worth the time of an import.
constexpr std::uint64_t k_part_of_memory_that_is_short = 4;

// The compiled model holds more than an import would.
bool frees_memory(const Attempt& attempt) {
    return attempt.config().release_memory != ReleaseMemory::off &&
           attempt.request.compiled_holds_model();
}

}  // namespace

std::unique_ptr<SourcePages> read_model(Attempt& attempt) {
    if (attempt.config().release_memory == ReleaseMemory::off) return nullptr;
    auto& request = attempt.request;
    // No byte of an encrypted model is written to a disk in clear.
    if (request.encryption() == nullptr) {
        request.unpack_into(
            std::make_shared<ScratchWeights>(attempt.session.system().fs, *attempt.store));
    }
    return std::make_unique<SourcePages>(request.read_weights());
}

Replacement::Replacement(Attempt& attempt, const SourcePages* pages)
    : attempt_(attempt),
      pages_(pages),
      may_share_(attempt.config().share != Share::off &&
                 !attempt.request.unpacking_libraries().empty()),
      is_wanted_(is_wanted_anyway(pages)) {
    auto& request = attempt.request;
    if (may_share_) mark_.emplace(request.starting_libraries(), request.making_function());
}

bool Replacement::is_wanted_anyway(const SourcePages* pages) const {
    const auto& config = attempt_.config();
    // Only an imported model has a directory that its new kernels are published from.
    if (attempt_.request.makes_kernels() && attempt_.request.takes_kernels()) return true;
    if (!frees_memory(attempt_)) return false;
    if (config.share == Share::on && may_share_) return true;
    if (config.release_memory == ReleaseMemory::on) return true;
    const auto bytes = pages != nullptr ? pages->weight_bytes() : 0;
    return bytes > os::read_available_memory_bytes() / k_part_of_memory_that_is_short;
}

bool Replacement::is_wanted() const {
    // Only the memory of an imported model can be shared.
    return is_wanted_ || (may_share_ && frees_memory(attempt_) && pages_ != nullptr &&
                          WeightSharing::is_worth_it(attempt_.session, *attempt_.store,
                                                     attempt_.identified, pages_->weight_bytes()));
}

bool Replacement::gives_memory_back(const format::Manifest& kept) const {
    // The compiled model then holds little but pages of the model's files, as an import would.
    const bool is_lean = kept.referred_bytes() >= kept.total_bytes() / 2 && pages_ != nullptr &&
                         pages_->hold_the_weights() && !mark_ &&
                         !kept.notes.contains(k_kernels_note) &&
                         kept.own_part().bytes < k_releasable_blob_bytes;
    return !is_lean;
}

Result<void> Replacement::run(const format::Manifest& kept, Served& served) {
    auto& request = attempt_.request;
    auto& objections = attempt_.objections;
    const bool frees = frees_memory(attempt_) && kept.total_bytes() >= k_releasable_blob_bytes;
    const bool keeps_kernels = kept.notes.contains(k_kernels_note) && request.takes_kernels();
    if (!frees && !keeps_kernels) return {};
    // A blob is not tried again after the runtime has refused or crashed with one of this key.
    if (objections.refused || objections.blame.crashes > 0) return {};
    // If the import fails, the model has to be compiled once more.
    if (attempt_.model.origin == ModelOrigin::caller || !attempt_.confirm_model()) return {};
    auto manifest = kept;
    const auto object = open_blob(attempt_, manifest);
    // The object was removed meanwhile: the compiled model stays in use.
    if (!object) return {};
    // Released before the import, so that there are never two in memory.
    request.release_compiled();
    os::return_freed_memory();
    const auto refusals = objections.refusals;
    auto sharing = import_blob(attempt_, manifest, *object, mark_ ? &*mark_ : nullptr);
    if (sharing) {
        served.response.sharing = std::move(*sharing);
        return {};
    }
    // A process that refuses what it has just exported always will.
    if (objections.refusals > refusals) objections.refusals = k_refusals_max;
    if (auto reason = objections.reason_to_withhold(); !reason.empty()) {
        note_kept(attempt_, served, withhold(attempt_, std::move(reason)));
    }
    return compile(attempt_);
}

}  // namespace larder::internal::cache
