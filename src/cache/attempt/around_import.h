// The surroundings of an import: a trial, in case it crashes; the pages of the blob, read ahead of
// it and dropped behind it; memory that processes share; kernels; and the next model.
#pragma once

#include <memory>

#include "cache/attempt/attempt.h"
#include "cache/session/trial_watch.h"
#include "cache/sharing/weight_sharing.h"
#include "format/manifest.h"
#include "process/thread_mark.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// Lives for one import: made before it, and told afterwards how it ended.
class AroundImport {
public:
    // If memory is short, waits for the turn of this process. All four must outlive it; `compiled`
    // as in import_blob.
    AroundImport(Attempt& attempt, const format::Manifest& manifest,
                 const store::MappedObject& object, const process::ThreadMark* compiled);
    AroundImport(const AroundImport&) = delete;
    AroundImport& operator=(const AroundImport&) = delete;
    ~AroundImport() = default;

    // Directly before the import: sets up the directory of kernels that the device gets.
    void begin_kernels();
    // The runtime's part. Its owner keeps the pages, the trial and the presence alive.
    [[nodiscard]] const runtime::Blob& blob() const { return blob_; }
    // Whether the object had been used without harm before.
    [[nodiscard]] bool was_proven() const { return was_proven_; }

    // Directly after the import: drops pages that it has left in memory.
    void drop_pages();
    // The model is loaded: shares its memory, and has the trials end once the process survives.
    [[nodiscard]] Sharing accept();
    // The runtime did not use the blob.
    void withdraw();

private:
    void share();

    Attempt& attempt_;
    const format::Manifest& manifest_;
    const store::MappedObject& object_;
    const bool was_proven_;
    const std::shared_ptr<OpenTrial> trial_;  // may be null, as is that of the kernels
    std::shared_ptr<OpenTrial> kernel_trial_;
    Sharing result_;
    std::unique_ptr<WeightSharing> sharing_;  // null if nothing is shared
    runtime::Blob blob_;
};

}  // namespace larder::internal::cache
