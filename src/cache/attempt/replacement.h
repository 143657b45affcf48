// Replaces a compiled model, which takes far more memory, by an import of the blob that was just
// published.
#pragma once

#include <memory>
#include <optional>

#include "cache/attempt/attempt.h"
#include "cache/pages/source_pages.h"
#include "format/manifest.h"
#include "process/thread_mark.h"

namespace larder::internal::cache {

// Reads the model and keeps its pages out of memory for as long as the result lives. May be null.
[[nodiscard]] std::unique_ptr<SourcePages> read_model(Attempt& attempt);

// Lives around one compile, on its thread.
class Replacement {
public:
    // Directly before the compile. `pages` are those of read_model; both must outlive it.
    Replacement(Attempt& attempt, const SourcePages* pages);

    // After the compile: tells whether an import is to replace the model.
    [[nodiscard]] bool is_wanted() const;
    // Tells whether that would give back more than dropping the pages of the model's files does.
    [[nodiscard]] bool gives_memory_back(const format::Manifest& kept) const;
    // Once the model that was compiled is released. If the import fails, compiles once more, and
    // notes in `served` if the blob is withheld. The errors of ReadableModel::make.
    [[nodiscard]] Result<void> run(const format::Manifest& kept, Served& served);

private:
    [[nodiscard]] bool is_wanted_anyway(const SourcePages* pages) const;

    Attempt& attempt_;
    const SourcePages* pages_;
    bool may_share_;
    bool is_wanted_;
    // The import may then account for the threads that the compile started.
    std::optional<process::ThreadMark> mark_;
};

}  // namespace larder::internal::cache
