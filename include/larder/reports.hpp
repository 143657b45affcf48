/// \file
/// The parts of a Store's reports that need no entries.
#pragma once

#include <cstdint>
#include <string>

#include "larder/require_cxx20.hpp"

namespace larder {

/// With `yes`, a function reports what it would do, and changes nothing.
enum class DryRun { no, yes };

/// Kinds of faults that Store::verify finds.
enum class Damage {
    damaged,     ///< the bytes differ from their digest, or an object is missing; quarantined
    untrusted,   ///< nothing proves it: another format, or a foreign owner
    unreadable,  ///< the operating system refused
};

/// Sums of Store::verify.
struct VerifyCounts {
    std::uint64_t entries = 0;  ///< that were checked
    std::uint64_t objects = 0;  ///< that were checked; one that entries share counts once
    std::uint64_t bytes = 0;    ///< that were read
    /// Objects that an earlier, interrupted check of everything found undamaged within the last
    /// week: this check continued from there.
    std::uint64_t objects_before = 0;
    bool complete = true;  ///< false: `progress` ended it early
};

/// Sums of Store::prune.
struct PruneCounts {
    std::uint64_t garbage_bytes = 0;    ///< of the freed bytes, those that no entry used
    std::uint64_t set_aside_files = 0;  ///< files removed from the quarantine
    std::uint64_t left_bytes = 0;       ///< that the larder holds afterwards
    /// The path of an entry that cannot be read and may use any object: because of it, no object
    /// was removed. Empty: there is none.
    std::string held_back;
};

/// Sums of Store::compress and Store::decompress.
struct CompressCounts {
    /// The size on disk of the entries that were, or would be, changed; objects that several of
    /// them share count once.
    std::uint64_t before_bytes = 0;
    std::uint64_t after_bytes = 0;  ///< the same, afterwards
    /// The path of an entry that cannot be read and may use any object: because of it, nothing was
    /// done. Empty: there is none.
    std::string held_back;
    bool complete = true;  ///< false: `progress` ended it early
};

}  // namespace larder
