#include "cache/attempt/objections.h"

#include <algorithm>

#include "cache/entries/notes.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_refusals_note = "refusals";

}  // namespace

void Objections::read(const format::Manifest& manifest, std::int64_t now_ns) {
    blame = Blame::noted_in(manifest, now_ns);
    refusals = std::max(refusals, number_in<std::uint64_t>(manifest, k_refusals_note, 0));
}

void Objections::note_in(format::Manifest& manifest) const {
    blame.note_in(manifest);
    if (refusals > 0) manifest.notes[k_refusals_note] = std::to_string(refusals);
}

std::string Objections::reason_to_withhold() const {
    if (auto reason = blame.reason_to_withhold(); !reason.empty()) return reason;
    if (refusals >= k_refusals_max) return "the runtime refuses to import its own export of it";
    return {};
}

void Objections::warn(Log& log) const {
    if (!warning.empty()) log.warn_once("refused", warning);
}

}  // namespace larder::internal::cache
