#include "cli/weights.h"

#include "cli/quantity.h"

namespace larder::cli {
namespace {

// As a request notes it of what is smaller than what it would take to refer to it.
constexpr const char* k_few = "they are few";

}  // namespace

std::string weights_text(const EntryInfo& entry) {
    if (entry.without_weights) return "in the model's own file";
    if (entry.referred_bytes == 0) {
        return "kept" + (entry.weights_kept.empty() ? "" : ": " + entry.weights_kept);
    }
    return format_size(entry.referred_bytes) + " in the model's own files";
}

WeightsSum sum_weights(const std::vector<EntryInfo>& entries) {
    WeightsSum sum;
    for (const auto& entry : entries) {
        sum.referred_bytes += entry.referred_bytes;
        if (entry.referred_bytes > 0 || entry.weights_kept.empty()) continue;
        auto& kept = sum.kept[entry.weights_kept];
        ++kept.entries;
        kept.bytes += entry.kept_bytes();
    }
    return sum;
}

std::string weights_text(const WeightsSum& sum) {
    std::string text;
    if (sum.referred_bytes > 0)
        text = format_size(sum.referred_bytes) + " in the models' own files";
    for (const auto& [why, kept] : sum.kept) {
        if (why == k_few) continue;
        if (!text.empty()) text += "; ";
        text += "kept: " + format_size(kept.bytes) + " of " + std::to_string(kept.entries) +
                (kept.entries == 1 ? " entry" : " entries") + ", because " + why;
    }
    return text;
}

}  // namespace larder::cli
