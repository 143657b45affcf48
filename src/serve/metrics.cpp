#include "serve/metrics.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "cli/stale.h"
#include "cli/surroundings.h"

namespace larder::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;
using Label = ClientMetric::Label;

double seconds(std::chrono::milliseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

MetricFamily& add_family(Families& families, const char* name, const char* help, MetricType type) {
    auto& family = families.emplace_back();
    family.name = std::string("larder_") + name;
    family.help = help;
    family.type = type;
    return family;
}

void add_value(MetricFamily& family, double value, std::vector<Label> labels = {}) {
    auto& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    if (family.type == MetricType::Counter) {
        metric.counter.value = value;
    } else {
        metric.gauge.value = value;
    }
}

void add(Families& families, const char* name, const char* help, MetricType type, double value) {
    add_value(add_family(families, name, help, type), value);
}

void add_by_reason(Families& families, const char* name, const char* help, MetricType type,
                   const std::map<std::string, std::uint64_t>& values) {
    auto& family = add_family(families, name, help, type);
    for (const auto& [reason, value] : values) {
        add_value(family, static_cast<double>(value), {{"reason", reason}});
    }
}

// Adds the number of requests and the sum of their durations.
void add_durations(Families& families, const char* name, const char* help, std::uint64_t count,
                   std::chrono::milliseconds sum) {
    auto& family = add_family(families, name, help, MetricType::Summary);
    auto& metric = family.metric.emplace_back();
    metric.summary.sample_count = count;
    metric.summary.sample_sum = seconds(sum);
}

void add_requests(Families& families, const Stats& stats) {
    const auto& total = stats.total;
    add(families, "hits_total", "Requests that the larder answered", MetricType::Counter,
        static_cast<double>(total.loaded + total.waited));
    add_by_reason(families, "misses_total", "Requests whose model was compiled, by reason",
                  MetricType::Counter, stats.miss_reasons);
    add_by_reason(families, "bypassed_total", "Requests that bypassed larder, by reason",
                  MetricType::Counter, stats.bypass_reasons);
    add_by_reason(families, "refused_total", "Requests that the mode cache-only refused, by reason",
                  MetricType::Counter, stats.refusal_reasons);
    add_durations(families, "compile_seconds", "Requests that compiled", total.compiled,
                  total.compiled_time);
    add_durations(families, "load_seconds", "Requests that loaded an entry", total.loaded,
                  total.loaded_time);
    add_durations(families, "waits_seconds",
                  "Requests that waited for a compile of another process", total.waited,
                  total.waited_time);
    add(families, "saved_seconds_total", "Compile time that was saved", MetricType::Counter,
        std::max(0.0, seconds(total.saved)));
    add(families, "written_bytes_total", "Bytes of the entries that were published",
        MetricType::Counter, static_cast<double>(stats.bytes_written));
    add_by_reason(families, "evicted_bytes_total", "Bytes that were freed on disk, by reason",
                  MetricType::Counter, stats.evicted_bytes);
}

void add_state(Families& families, const Snapshot& now) {
    const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
        add(families, name, help, MetricType::Gauge, static_cast<double>(value));
    };
    gauge("size_bytes", "Bytes of the larder on disk", now.stats.total_bytes);
    gauge("max_size_bytes", "The maximum size; 0: no limit", now.stats.max_size_bytes);
    gauge("entries", "Entries of the larder", now.entries.size());
    gauge("pinned_entries", "Entries that are pinned",
          static_cast<std::uint64_t>(std::ranges::count_if(
              now.entries, [](const EntryInfo& entry) { return entry.pinned; })));
    gauge("withheld_entries", "Models that are not kept because programs crashed with them",
          static_cast<std::uint64_t>(std::ranges::count_if(
              now.entries, [](const EntryInfo& entry) { return !entry.withheld.empty(); })));
    gauge("set_aside_files", "Files in quarantine, because they were damaged or crashed a process",
          now.stats.set_aside_files);
    std::map<std::string, std::uint64_t> entries;
    std::map<std::string, std::uint64_t> bytes;
    for (const auto& [reason, sum] : cli::stale_sums(now.entries)) {
        entries[reason] = sum.entries;
        bytes[reason] = sum.bytes;
    }
    add_by_reason(families, "stale_entries", "Stale entries, by reason", MetricType::Gauge,
                  entries);
    add_by_reason(families, "stale_bytes", "What those take", MetricType::Gauge, bytes);
}

// The state counts them for this machine, from its first request on.
void add_storages(Families& families, const std::vector<Stats::Remote>& storages) {
    const auto add_all = [&](const char* name, const char* help, MetricType type, auto value) {
        auto& family = add_family(families, name, help, type);
        for (const auto& storage : storages) {
            add_value(family, static_cast<double>(value(storage)), {{"url", storage.url}});
        }
    };
    auto& requests =
        add_family(families, "remote_requests_total",
                   "Requests of shared storages, by operation and result", MetricType::Counter);
    for (const auto& storage : storages) {
        const auto add_result = [&](const char* operation, const char* result,
                                    std::uint64_t count) {
            add_value(requests, static_cast<double>(count),
                      {{"url", storage.url}, {"operation", operation}, {"result", result}});
        };
        add_result("fetch", "hit", storage.hits);
        add_result("fetch", "miss", storage.misses);
        add_result("send", "sent", storage.sent_entries);
        add_result("any", "failed", storage.failures);
    }
    add_all("remote_fetched_bytes_total", "Bytes fetched from shared storages", MetricType::Counter,
            [](const Stats::Remote& storage) { return storage.fetched_bytes; });
    add_all("remote_fetch_seconds_total", "Time spent on fetching from shared storages",
            MetricType::Counter,
            [](const Stats::Remote& storage) { return seconds(storage.fetch_time); });
    add_all("remote_sent_bytes_total", "Bytes sent to shared storages", MetricType::Counter,
            [](const Stats::Remote& storage) { return storage.sent_bytes; });
    add_all("remote_resting", "1 while a shared storage is left alone after failures",
            MetricType::Gauge, [](const Stats::Remote& storage) {
                return storage.rests_until && *storage.rests_until > cli::now() ? 1 : 0;
            });
}

}  // namespace

std::string metrics_text(const Measured& measured) {
    Families families;
    add_value(add_family(families, "build_info", "The version of larder", MetricType::Gauge), 1,
              {{"version", LARDER_VERSION}});
    add_requests(families, measured.since_start);
    add(families, "damaged_total", "Files that were set aside since this server started",
        MetricType::Counter, static_cast<double>(measured.now->damaged));
    add_state(families, *measured.now);
    add_storages(families, measured.now->stats.remotes);
    if (const auto idle = measured.since_start.longest_idle) {
        add(families, "longest_idle_seconds",
            "Time since the last request for the entry that was idle the longest",
            MetricType::Gauge, static_cast<double>(idle->count()));
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace larder::serve
