#include "cache/attempt/fetch.h"

#include <utility>

#include "cache/attempt/load.h"
#include "cache/session/stopwatch.h"

namespace larder::internal::cache {

std::optional<Served> fetch_and_load(Attempt& attempt, Miss& miss, Locked locked) {
    const auto& tiers = *attempt.session.tiers();
    // An entry that is here and cannot be used, or was set aside, would come back.
    if (!tiers.are_there() || miss.kind != Miss::Kind::nothing || attempt.has_asked_tiers ||
        attempt.store->is_entry_set_aside(attempt.identified.key)) {
        return std::nullopt;
    }
    attempt.has_asked_tiers = true;
    attempt.begin(Stage::waiting, "for " + tiers.names());
    Tiers::Fetch fetched;
    {
        const Stopwatch watch(attempt.clock(), attempt.timing.wait);
        fetched = tiers.fetch(attempt.session.state(), attempt.log(), attempt.identified.key);
    }
    if (fetched.url.empty()) {
        if (!fetched.reason.empty()) {
            miss.reason += ", and it was not fetched: " + fetched.reason;
        }
        return std::nullopt;
    }
    if (attempt.store->id().empty()) {
        // A larder that did not exist, opened for reading: it does now.
        attempt.session.lose(attempt.store);
        if (auto opened = attempt.session.store()) attempt.store = std::move(*opened);
    }
    auto served = load(attempt, locked);
    if (!served) {
        miss.add(std::move(served.error()));
        return std::nullopt;
    }
    if (served->response.outcome == Outcome::loaded) {
        served->response.reason = "it was fetched from " + fetched.url;
    }
    return std::move(*served);
}

}  // namespace larder::internal::cache
