#include "cache/attempt/around_import.h"

#include <algorithm>
#include <new>
#include <utility>

#include "cache/attempt/trials.h"
#include "cache/entries/kernels.h"
#include "cache/pages/blob_pages.h"
#include "cache/session/stopwatch.h"
#include "os/end_in_time.h"
#include "os/system.h"
#include "process/large_blocks.h"

namespace larder::internal::cache {
namespace {

// 16-bit weights are unpacked to 32 bits.
constexpr std::uint64_t k_unpacked_per_blob_max = 2;
// Prefaults at most half of the available memory: a block may never be filled, and other uses must
// not run short of memory because of it.
constexpr std::uint64_t k_part_of_available_memory = 2;

// Holds a mapped blob for as long as the runtime uses it.
struct BlobOwner {
    std::shared_ptr<os::Mapping> mapping;
    std::shared_ptr<OpenTrial> trial;
    std::shared_ptr<BlobPages> pages;
    std::shared_ptr<const void> presence;
    std::int64_t process = os::current_process_id();

    BlobOwner(std::shared_ptr<os::Mapping> m, std::shared_ptr<OpenTrial> t)
        : mapping(std::move(m)), trial(std::move(t)) {}
    BlobOwner(const BlobOwner&) = delete;
    BlobOwner& operator=(const BlobOwner&) = delete;
    // The runtime no longer uses the blob, and the process is alive: the trial ends. The work has a
    // time limit, because a program that releases a model may be about to exit and the disk may be
    // slow.
    ~BlobOwner() {
        auto work = [kept = trial, bytes = std::move(mapping), here = std::move(presence),
                     reader = std::move(pages)]() mutable {
            reader.reset();
            if (kept) kept->end();
            here.reset();
        };
        if (process == os::current_process_id()) {
            static_cast<void>(os::end_in_time(std::move(work)));
        } else {
            work();
        }
    }
};

// Returns null if it would not pay, or if the available memory is unknown.
std::unique_ptr<process::LargeBlockScope> large_blocks_of(const runtime::Request& request,
                                                          std::uint64_t blob_bytes) {
    const auto libraries = request.unpacking_libraries();
    const auto budget = std::min(blob_bytes * k_unpacked_per_blob_max,
                                 os::read_available_memory_bytes() / k_part_of_available_memory);
    if (libraries.empty() || budget == 0) return nullptr;
    return std::make_unique<process::LargeBlockScope>(libraries, budget);
}

// A blob that is not in the page cache is read by several readers even if it is not large.
bool is_worth_reading(const store::MappedObject& object) {
    const auto size = object.bytes().size();
    return size >= k_large_blob_bytes ||
           (size >= k_releasable_blob_bytes && !object.mapping->is_cached(0, size));
}

Pages pages_after_import(const Config& config) {
    return config.release_memory != ReleaseMemory::off ? Pages::drop : Pages::keep;
}

std::unique_ptr<WeightSharing> begin_sharing(Attempt& attempt, const format::Manifest& manifest,
                                             std::uint64_t blob_bytes,
                                             const process::ThreadMark* compiled, Sharing& result) {
    if (manifest.encoding == format::Encoding::encrypted) {
        result.reason = "it is encrypted";
        return nullptr;
    }
    return WeightSharing::begin(attempt.session, attempt.store, attempt.identified, attempt.request,
                                blob_bytes, compiled, result);
}

// Returns the trial of the kernels that the device gets, or null if there are none.
std::shared_ptr<OpenTrial> begin_kernels_of(Attempt& attempt, const format::Manifest& blob) {
    auto& request = attempt.request;
    auto& store = *attempt.store;
    request.keep_kernels_in({});
    // Kernels reveal something about the model and are not encrypted.
    if (!blob.notes.contains(k_kernels_note) || request.encryption() != nullptr) return nullptr;
    if (!request.takes_kernels()) return nullptr;
    auto manifest = kernel_manifest(blob);
    if (store.access() == store::Access::read_only && !store.find(manifest.key).manifest) {
        return nullptr;
    }
    auto& session = attempt.session;
    const auto directory =
        session.kernels().open(session.system(), session.log(), attempt.store, manifest);
    if (!directory) {
        attempt.log().debug("kernels are not kept: " + directory.error().message());
        return nullptr;
    }
    request.keep_kernels_in((*directory)->path());
    if (attempt.config().mode == Mode::refresh) {
        (*directory)->begin_anew();
        return nullptr;
    }
    const auto subject = (*directory)->begin();
    auto trial = subject ? store.begin_trial(*subject) : fail(Errc::not_found, "none");
    if (!trial) return nullptr;
    return std::make_shared<OpenTrial>(std::move(*trial), std::function<void()>());
}

}  // namespace

AroundImport::AroundImport(Attempt& attempt, const format::Manifest& manifest,
                           const store::MappedObject& object, const process::ThreadMark* compiled)
    : attempt_(attempt),
      manifest_(manifest),
      object_(object),
      was_proven_(attempt.store->is_proven(manifest.own_part().object)),
      trial_(begin_trial(attempt, manifest.own_part().object)) {
    const auto size = object.bytes().size();
    const bool reads = is_worth_reading(object);
    auto owner = std::make_shared<BlobOwner>(object.mapping, trial_);
    sharing_ = begin_sharing(attempt, manifest, size, compiled, result_);
    if (sharing_) owner->presence = sharing_->take_presence();
    ReadAhead::Imported first{manifest.own_part().object};
    if (reads) {
        auto large_blocks =
            attempt.config().prefault ? large_blocks_of(attempt.request, size) : nullptr;
        owner->pages = std::make_shared<BlobPages>(
            object.mapping, object.ranges, pages_after_import(attempt.config()),
            std::move(large_blocks), sharing_ ? sharing_->shared_bytes() : nullptr);
        first.read = owner->pages->read();
    }
    blob_ = {object.bytes(), std::move(owner)};
    attempt.session.next_model().read_next(attempt.store, *attempt.asked, std::move(first));
}

void AroundImport::begin_kernels() { kernel_trial_ = begin_kernels_of(attempt_, manifest_); }

void AroundImport::drop_pages() {
    const bool may_drop =
        object_.bytes().size() >= k_releasable_blob_bytes || attempt_.request.copies_blob();
    if (may_drop && pages_after_import(attempt_.config()) == Pages::drop) {
        object_.mapping->drop_resident();
    }
}

Sharing AroundImport::accept() {
    watch(attempt_.session, kernel_trial_);
    if (was_proven_) {
        if (trial_) trial_->end();
        share();
        return std::move(result_);
    }
    if (sharing_) {
        // The warm-up is no use that the program asked for: a crash in it is not the blob's fault.
        if (trial_) trial_->withdraw();
        share();
        if (trial_) {
            auto next = attempt_.store->begin_trial(manifest_.own_part().object);
            if (next) trial_->renew(std::move(*next));
        }
    }
    watch(attempt_.session, trial_);
    return std::move(result_);
}

void AroundImport::share() {
    const auto sharing = std::move(sharing_);
    if (!sharing) return;
    const Stopwatch watch(attempt_.clock(), attempt_.timing.share);
    try {
        sharing->share(attempt_.request, result_);
    } catch (const std::bad_alloc&) {
        // The model is loaded, and the pages that are shared by now stay shared.
        result_.reason = "there is too little memory";
    }
}

void AroundImport::withdraw() {
    if (trial_) trial_->withdraw();
    if (kernel_trial_) kernel_trial_->withdraw();
}

}  // namespace larder::internal::cache
