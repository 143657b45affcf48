// Keeps a model's files out of this process's memory while a runtime reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "os/background_thread.h"

namespace larder::internal::cache {

// Its thread drops the pages of the weights whenever many pages of files are resident: a compile
// goes through most of them once, and what it needs again comes from the page cache. Only what lies
// in a shared, read-only mapping of a file is dropped: no page there has anything that its file has
// not.
class SourcePages {
public:
    // The weights must stay where they are for as long as this lives: then nobody unmaps the pages
    // that hold them, and maps something else there.
    explicit SourcePages(const std::vector<std::span<const std::byte>>& weights);
    SourcePages(const SourcePages&) = delete;
    SourcePages& operator=(const SourcePages&) = delete;
    ~SourcePages() = default;

    // Whether all but a few of the weights are pages of files, which take no memory of their own.
    [[nodiscard]] bool hold_the_weights() const { return hold_the_weights_; }
    // From now on nothing is dropped but by `drop`.
    void stop() noexcept { thread_.stop(); }
    // Drops what is resident now.
    void drop() const noexcept;

private:
    void run(const std::stop_token& stop) const;

    std::vector<std::span<const std::byte>> droppable_;  // apart from each other
    bool hold_the_weights_ = false;
    std::uint64_t resident_before_;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
