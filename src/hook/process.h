// The one larder that all of a process shares, although nobody in it knows of larder.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "larder/larder.hpp"

namespace larder::hook {

class ProcessLarder {
public:
    explicit ProcessLarder(const Options& options)
        : cache(options), fails_on_miss_(options.mode == Mode::cache_only) {}

    // Whether a program would rather fail than compile.
    [[nodiscard]] bool fails_on_miss() const { return fails_on_miss_; }

    Cache cache;

private:
    bool fails_on_miss_;
};

// Null where models are to be compiled as if larder were not there: it is switched off, its
// settings cannot be read (which one warning says), or the process is about to end.
//
// Begun on the first call; a child made by fork begins its own, and leaves its parent's alone.
// Ended when the process exits, so that what it used is not taken for what it died of; whoever
// holds it by then ends it when done.
[[nodiscard]] std::shared_ptr<ProcessLarder> process_larder() noexcept;

// Reads the settings anew, if they have been read.
void renew_process_larder() noexcept;

// A line on standard error, once for the life of the process.
void warn_once(const std::string& text);

}  // namespace larder::hook
