#include "cache/entries/blame.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "cache/entries/notes.h"

namespace larder::internal::cache {
namespace {

// After this many crashes no blob of the key is published until the crashes expire.
constexpr std::uint64_t k_crashes_max = 2;

constexpr const char* k_crashes = "crashes";
constexpr const char* k_crashed_at = "crashed_at_ns";
constexpr const char* k_signals = "crash_signals";

std::string joined(const std::set<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::set<std::string> split(std::string_view text) {
    std::set<std::string> words;
    while (!text.empty()) {
        const auto end = std::min(text.find(", "), text.size());
        words.emplace(text.substr(0, end));
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return words;
}

// "2026-11-28 22:00 UTC"
std::string date(std::int64_t since_epoch_ns) {
    constexpr std::int64_t k_second_ns = 1'000'000'000;
    const auto seconds = static_cast<std::time_t>(since_epoch_ns / k_second_ns);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc);
    return {text.data(), size};
}

}  // namespace

Blame Blame::noted_in(const format::Manifest& manifest, std::int64_t now_ns) {
    Blame blame;
    blame.crashes = number_in<std::uint64_t>(manifest, k_crashes, 0);
    if (blame.crashes == 0) return blame;
    blame.last_ns = number_in(manifest, k_crashed_at, manifest.created_at_ns);
    if (now_ns - blame.last_ns > store::k_crash_counts_ns) return {};
    const auto signals = manifest.notes.find(k_signals);
    if (signals != manifest.notes.end()) blame.signals = split(signals->second);
    return blame;
}

void Blame::note_in(format::Manifest& manifest) const {
    if (crashes == 0) return;
    manifest.notes[k_crashes] = std::to_string(crashes);
    manifest.notes[k_crashed_at] = std::to_string(last_ns);
    if (!signals.empty()) manifest.notes[k_signals] = joined(signals);
}

void Blame::add(const store::CrashCount& count) {
    ++crashes;
    signals.insert(count.signals.begin(), count.signals.end());
    last_ns = std::max(last_ns, count.last_ns);
}

bool Blame::is_refuted_by(const store::CrashCount& without) const {
    return std::ranges::any_of(without.signals,
                               [&](const std::string& signal) { return signals.contains(signal); });
}

std::string Blame::reason_to_withhold() const {
    if (crashes < k_crashes_max) return {};
    return "it took " + std::to_string(crashes) + " processes down (" + joined(signals) +
           "); it is kept again after " + date(last_ns + store::k_crash_counts_ns);
}

bool is_withheld(const format::Manifest& manifest) {
    return manifest.notes.contains(k_withheld_note);
}

bool is_withheld_for_crashes(const format::Manifest& manifest) {
    return manifest.notes.contains(k_withheld_note) &&
           number_in<std::uint64_t>(manifest, k_crashes, 0) >= k_crashes_max;
}

}  // namespace larder::internal::cache
