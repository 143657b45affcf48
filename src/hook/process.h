// The one larder of a process, shared by all of its code, none of which knows larder.
#pragma once

#include <memory>
#include <string>

#include "larder/larder.hpp"

namespace larder::hook {

class ProcessLarder {
public:
    explicit ProcessLarder(const Options& options)
        : cache(options), fails_on_miss_(options.mode == Mode::cache_only) {}

    // Tells whether a program would rather fail than compile.
    [[nodiscard]] bool fails_on_miss() const { return fails_on_miss_; }

    Cache cache;

private:
    bool fails_on_miss_;
};

// Returns null if models are to be compiled as if larder were not there: it is switched off, its
// settings cannot be read (about which it warns once), or the process is about to end.
//
// The first call opens the larder; a child made by fork opens its own, and leaves its parent's
// alone. Closed when the process exits, so that a later crash is not attributed to the blobs in
// use; a thread that still uses it then closes it afterwards.
[[nodiscard]] std::shared_ptr<ProcessLarder> process_larder() noexcept;

// Reads the settings again, if they have been read.
void renew_process_larder() noexcept;

// Writes a line to standard error, once in the life of the process.
void warn_once(const std::string& text);

}  // namespace larder::hook
