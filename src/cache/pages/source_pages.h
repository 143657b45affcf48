// Keeps the pages of a model's files out of this process's memory while a runtime reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "os/background_thread.h"

namespace larder::internal::cache {

// Its thread drops the pages of the weights whenever many pages of files are resident: a compile
// reads most of them once, and pages that it needs again come from the page cache. Only pages of
// shared, read-only mappings of files are dropped: those hold nothing that is not in their file.
class SourcePages {
public:
    // The weights must stay at their addresses for as long as this object lives: then no other
    // memory can be mapped there.
    explicit SourcePages(const std::vector<std::span<const std::byte>>& weights);
    SourcePages(const SourcePages&) = delete;
    SourcePages& operator=(const SourcePages&) = delete;
    ~SourcePages() = default;

    [[nodiscard]] std::uint64_t weight_bytes() const { return weight_bytes_; }
    // Tells whether nearly all weights are pages of files, which take no memory of their own.
    [[nodiscard]] bool hold_the_weights() const { return hold_the_weights_; }
    // Drops the pages that are resident now.
    void drop() const noexcept;

private:
    void run(const std::stop_token& stop) const;

    std::vector<std::span<const std::byte>> droppable_;  // disjoint
    std::uint64_t weight_bytes_ = 0;
    bool hold_the_weights_ = false;
    std::uint64_t resident_before_;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
