#include "cli/json.h"

#include "cli/quantity.h"

namespace larder::cli {
namespace {

constexpr int k_schema_version = 1;

void add_outcomes(Json& json, const Stats::Outcomes& outcomes) {
    json["compiled"] = outcomes.compiled;
    json["loaded"] = outcomes.loaded;
    json["waited"] = outcomes.waited;
    json["bypassed"] = outcomes.bypassed;
    json["refused"] = outcomes.refused;
    json["saved_ms"] = outcomes.saved.count();
}

Json outcomes_by_name(const std::map<std::string, Stats::Outcomes>& outcomes) {
    auto json = Json::object();
    for (const auto& [name, sum] : outcomes) add_outcomes(json[name], sum);
    return json;
}

template <class Value>
Json map_json(const std::map<std::string, Value>& values) {
    auto json = Json::object();
    for (const auto& [name, value] : values) json[name] = value;
    return json;
}

Json stale_json(const EntryInfo& entry) {
    if (!entry.stale) return nullptr;
    return {{"reason", to_string(entry.stale->reason)},
            {"detail", entry.stale->detail},
            {"certain", entry.stale->certain}};
}

Json stale_sums_json(const std::map<std::string, StaleSum>& sums) {
    auto json = Json::object();
    for (const auto& [reason, sum] : sums) {
        json[reason] = {{"entries", sum.entries}, {"bytes", sum.bytes}};
    }
    return json;
}

Json short_entry_json(const EntryInfo& entry) {
    return {{"key", entry.key},
            {"model", entry.model},
            {"device", entry.device},
            {"bytes", entry.bytes}};
}

}  // namespace

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json json_object() { return Json{{"schema_version", k_schema_version}}; }

std::string json_line(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json compiling_json(const std::vector<Compiling>& compiling) {
    auto json = Json::array();
    for (const auto& each : compiling) {
        json.push_back({{"key", each.key},
                        {"what", each.what},
                        {"process", each.process},
                        {"is_here", each.is_here},
                        {"since", format_time(each.since)}});
        auto& waiting = json.back()["waiting"] = Json::array();
        for (const auto& process : each.waiting) {
            waiting.push_back({{"process", process.process},
                               {"program", process.program},
                               {"started_at", format_time(process.started_at)}});
        }
    }
    return json;
}

Json entry_json(const EntryInfo& entry, std::uint64_t unique_bytes) {
    Json json;
    json["key"] = entry.key;
    json["model"] = entry.model;
    json["kind"] = entry.kind;
    json["device"] = entry.device;
    json["shapes"] = text_or_null(entry.shapes);
    json["bytes"] = entry.bytes;
    json["unique_bytes"] = unique_bytes;
    json["referred_bytes"] = entry.referred_bytes;
    json["encoding"] = entry.encoding;
    json["unpacked_from"] = text_or_null(entry.unpacked_from);
    json["kernels_of"] = text_or_null(entry.kernels_of);
    json["created_at"] = format_time(entry.created_at);
    json["last_used_at"] = entry.last_used_anywhere_at
                               ? Json(format_time(*entry.last_used_anywhere_at))
                               : Json(nullptr);
    json["hits"] = entry.hits;
    json["compile_ms"] = entry.compile_time.count();
    json["stale"] = stale_json(entry);
    json["weights_kept"] = text_or_null(entry.weights_kept);
    json["pinned"] = entry.pinned;
    json["withheld"] = text_or_null(entry.withheld);
    return json;
}

Json entries_json(const std::vector<const EntryInfo*>& entries, const BytesByKey& unique_bytes,
                  std::uint64_t total_bytes, std::uint64_t max_size_bytes,
                  const std::vector<Compiling>& compiling) {
    auto json = json_object();
    json["entries"] = Json::array();
    for (const auto* entry : entries) {
        json["entries"].push_back(entry_json(*entry, unique_bytes.at(entry->key)));
    }
    json["compiling"] = compiling_json(compiling);
    json["total_bytes"] = total_bytes;
    json["max_size_bytes"] = max_size_bytes;
    return json;
}

Json whole_entry_json(const EntryInfo& entry, std::uint64_t unique_bytes) {
    auto json = json_object();
    json.update(entry_json(entry, unique_bytes));
    json["without_weights"] = entry.without_weights;
    json["requirements"] = text_or_null(entry.requirements);
    json["objects"] = Json::array();
    for (const auto& object : entry.objects) {
        json["objects"].push_back({{"name", text_or_null(object.name)},
                                   {"digest", object.digest},
                                   {"bytes", object.bytes}});
    }
    json["model_files"] = Json::array();
    for (const auto& file : entry.model_files) {
        json["model_files"].push_back(
            {{"role", file.role}, {"digest", file.digest}, {"bytes", file.bytes}});
    }
    json["key_inputs"] = map_json(entry.key_inputs);
    return json;
}

Json removal_json(const RemovalReport& report, DryRun dry_run) {
    auto json = json_object();
    json["dry_run"] = dry_run == DryRun::yes;
    json["entries"] = Json::array();
    for (const auto& entry : report.entries) {
        json["entries"].push_back(short_entry_json(entry));
    }
    json["freed_bytes"] = report.freed_bytes;
    return json;
}

Json prune_json(const PruneReport& report, DryRun dry_run) {
    auto json = json_object();
    json["dry_run"] = dry_run == DryRun::yes;
    json["entries"] = Json::array();
    for (const auto& entry : report.entries) {
        auto removed = short_entry_json(entry);
        removed["reason"] = report.reasons.at(entry.key);
        json["entries"].push_back(std::move(removed));
    }
    json["freed_bytes"] = report.freed_bytes;
    json["garbage_bytes"] = report.garbage_bytes;
    json["set_aside_files"] = report.set_aside_files;
    json["total_bytes"] = report.left_bytes;
    json["held_back"] = text_or_null(report.held_back);
    return json;
}

Json compress_json(const CompressReport& report, DryRun dry_run) {
    auto json = json_object();
    json["dry_run"] = dry_run == DryRun::yes;
    json["entries"] = Json::array();
    for (const auto& changed : report.entries) {
        auto entry = short_entry_json(changed.entry);
        entry["before_bytes"] = changed.before_bytes;
        entry["after_bytes"] = changed.after_bytes;
        json["entries"].push_back(std::move(entry));
    }
    json["unchanged"] = Json::array();
    for (const auto& left : report.unchanged) {
        auto entry = short_entry_json(left.entry);
        entry["encoding"] = left.entry.encoding;
        entry["reason"] = left.reason;
        entry["detail"] = text_or_null(left.detail);
        json["unchanged"].push_back(std::move(entry));
    }
    json["before_bytes"] = report.before_bytes;
    json["after_bytes"] = report.after_bytes;
    json["estimated"] = report.estimated;
    json["held_back"] = text_or_null(report.held_back);
    json["complete"] = report.complete;
    return json;
}

Json verify_json(const VerifyReport& report) {
    auto json = json_object();
    json["entries"] = report.entries;
    json["objects"] = report.objects;
    json["bytes"] = report.bytes;
    json["objects_before"] = report.objects_before;
    json["complete"] = report.complete;
    json["findings"] = Json::array();
    for (const auto& finding : report.findings) {
        json["findings"].push_back({{"damage", to_string(finding.damage)},
                                    {"key", text_or_null(finding.key)},
                                    {"path", finding.path},
                                    {"what", finding.what}});
    }
    return json;
}

Json remote_json(const Stats::Remote& remote) {
    const auto time = [](const std::optional<TimePoint>& at) {
        return at ? Json(format_time(*at)) : Json(nullptr);
    };
    return {{"url", remote.url},
            {"hits", remote.hits},
            {"misses", remote.misses},
            {"failures", remote.failures},
            {"fetched_bytes", remote.fetched_bytes},
            {"fetch_ms", remote.fetch_time.count()},
            {"sent_entries", remote.sent_entries},
            {"sent_bytes", remote.sent_bytes},
            {"rests_until", time(remote.rests_until)},
            {"last_fault", text_or_null(remote.last_fault)},
            {"last_fault_at", time(remote.last_fault_at)}};
}

Json stats_json(const Stats& stats, const std::vector<EntryInfo>& entries,
                const std::vector<Compiling>& compiling) {
    auto json = json_object();
    json["compiling"] = compiling_json(compiling);
    json["since"] = format_time(stats.since);
    add_outcomes(json, stats.total);
    json["bytes_written"] = stats.bytes_written;
    json["evicted_bytes"] = map_json(stats.evicted_bytes);
    json["evicted_entries"] = stats.evicted_entries;
    json["total_bytes"] = stats.total_bytes;
    json["max_size_bytes"] = stats.max_size_bytes;
    json["longest_idle_seconds"] =
        stats.longest_idle ? Json(stats.longest_idle->count()) : Json(nullptr);
    json["miss_reasons"] = map_json(stats.miss_reasons);
    json["bypass_reasons"] = map_json(stats.bypass_reasons);
    json["refusal_reasons"] = map_json(stats.refusal_reasons);
    json["by_model"] = outcomes_by_name(stats.by_model);
    json["by_device"] = outcomes_by_name(stats.by_device);
    json["unpacked_bytes"] = unpacked_bytes(entries);
    json["stale"] = stale_sums_json(stale_sums(entries));
    json["remotes"] = Json::array();
    for (const auto& remote : stats.remotes) json["remotes"].push_back(remote_json(remote));
    return json;
}

Json outcomes_json(const Stats::Outcomes& outcomes) {
    auto json = Json::object();
    add_outcomes(json, outcomes);
    return json;
}

Json interval_json(const StatsInterval& interval) {
    Json json{{"begin", format_time(interval.begin)}};
    add_outcomes(json, interval.total);
    json["compiled_ms"] = interval.total.compiled_time.count();
    json["loaded_ms"] = interval.total.loaded_time.count();
    json["waited_ms"] = interval.total.waited_time.count();
    json["bytes_written"] = interval.bytes_written;
    json["evicted_bytes"] = interval.evicted_bytes;
    json["evicted_entries"] = interval.evicted_entries;
    return json;
}

Json finding_json(const Store::Advice& advice) {
    return {{"severity", to_string(advice.severity)},
            {"subject", advice.subject},
            {"finding", advice.finding},
            {"remedy", advice.remedy}};
}

Json settings_json(const std::vector<Setting>& settings) {
    auto json = json_object();
    json["settings"] = Json::array();
    for (const auto& setting : settings) {
        json["settings"].push_back({{"name", setting.name},
                                    {"variable", setting.variable},
                                    {"value", setting.value},
                                    {"origin", setting.origin},
                                    {"meaning", setting.meaning}});
    }
    return json;
}

const char* to_string(Damage damage) {
    switch (damage) {
        case Damage::damaged: return "damaged";
        case Damage::untrusted: return "untrusted";
        case Damage::unreadable: return "unreadable";
    }
    return "";
}

const char* to_string(Store::Advice::Severity severity) {
    switch (severity) {
        case Store::Advice::Severity::info: return "info";
        case Store::Advice::Severity::warning: return "warning";
        case Store::Advice::Severity::error: return "error";
    }
    return "";
}

}  // namespace larder::cli
