// JSON output for scripts: its structure is part of the program's contract.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/listing.h"
#include "cli/stale.h"
#include "larder/store.hpp"

namespace larder::cli {

using Json = nlohmann::ordered_json;  // keeps the order of writing

// Returns {"schema_version":1}, to be extended.
[[nodiscard]] Json json_object();
// Returns one line with its line end. Bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string json_line(const Json& json);
// Returns null for an empty text, which means unknown.
[[nodiscard]] Json text_or_null(const std::string& text);

[[nodiscard]] Json compiling_json(const std::vector<Compiling>& compiling);
// Returns an entry as ls prints it.
[[nodiscard]] Json entry_json(const EntryInfo& entry, std::uint64_t unique_bytes);
// Returns all entries as ls prints them.
[[nodiscard]] Json entries_json(const std::vector<const EntryInfo*>& entries,
                                const BytesByKey& unique_bytes, std::uint64_t total_bytes,
                                std::uint64_t max_size_bytes,
                                const std::vector<Compiling>& compiling);
// The same for one entry, with everything that decided the key and belongs to the entry.
[[nodiscard]] Json whole_entry_json(const EntryInfo& entry, std::uint64_t unique_bytes);
[[nodiscard]] Json removal_json(const RemovalReport& report, DryRun dry_run);
[[nodiscard]] Json prune_json(const PruneReport& report, DryRun dry_run);
[[nodiscard]] Json compress_json(const CompressReport& report, DryRun dry_run);
[[nodiscard]] Json verify_json(const VerifyReport& report);
// `entries` must be all entries of the larder, with EntryInfo::stale filled in.
[[nodiscard]] Json remote_json(const Stats::Remote& remote);
[[nodiscard]] Json stats_json(const Stats& stats, const std::vector<EntryInfo>& entries,
                              const std::vector<Compiling>& compiling);
[[nodiscard]] Json outcomes_json(const Stats::Outcomes& outcomes);
// One span of Store::history.
[[nodiscard]] Json interval_json(const StatsInterval& interval);
[[nodiscard]] Json finding_json(const Store::Advice& advice);
[[nodiscard]] Json settings_json(const std::vector<Setting>& settings);

// Returns "damaged", "untrusted" or "unreadable".
[[nodiscard]] const char* to_string(Damage damage);
// Returns "info", "warning" or "error".
[[nodiscard]] const char* to_string(Store::Advice::Severity severity);

}  // namespace larder::cli
