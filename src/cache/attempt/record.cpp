#include "cache/attempt/record.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cache/attempt/gain.h"
#include "cache/identify/sight.h"
#include "cache/session/report.h"
#include "cache/session/stopwatch.h"
#include "cache/stale/staleness.h"

namespace larder::internal::cache {
namespace {

// The time that compiling took, by the entry that was loaded; 0 without one.
std::chrono::milliseconds compile_time(const Served& served) {
    return std::chrono::milliseconds(served.loaded ? served.loaded->compile_ms : 0);
}

// The time saved against compiling; negative if loading took longer.
std::chrono::milliseconds saved(const Served& served) {
    const std::chrono::milliseconds none{0};
    if (!served.loaded) return none;
    const auto& timing = served.response.timing;
    const auto saved =
        compile_time(served) - std::chrono::floor<std::chrono::milliseconds>(timing.total);
    // A request that waited for another's compile counts as saving at least nothing.
    return timing.wait ? std::max(saved, none) : saved;
}

void drop_without_gain(Attempt& attempt, const Served& served, std::int64_t began_ns,
                       std::int64_t ended_ns) {
    if (!served.loaded || served.response.outcome != Outcome::loaded) return;
    const auto& timing = served.response.timing;
    const std::chrono::nanoseconds none{0};
    const auto spent = timing.total - timing.fingerprint.value_or(none) -
                       timing.lookup.value_or(none) - timing.wait.value_or(none);
    auto reason = reason_to_drop(attempt.session, *attempt.store,
                                 {*served.loaded, began_ns, ended_ns, whole_milliseconds(spent)});
    if (reason.empty()) return;
    attempt.log().info(attempt.name() + " is not kept any more: " + reason);
    // If this fails, the next load tries again.
    static_cast<void>(attempt.publish(without_blob(*served.loaded, std::move(reason))));
}

state::Event draft_event(Attempt& attempt) {
    state::Event event;
    event.at_ns = attempt.clock().wall().count();
    event.larder_id = attempt.store->id();
    event.model = attempt.called();
    event.device = attempt.identified.inputs["device.name"];
    return event;
}

}  // namespace

void record(Attempt& attempt, const Served& served, std::int64_t began_ns) {
    if (!attempt.store) return;
    const auto& response = served.response;
    auto& state = attempt.session.state();
    auto& inputs = attempt.identified.inputs;
    auto event = draft_event(attempt);
    if (response.key) event.key = format::Key{*response.key};
    event.outcome = to_string(response.outcome);
    event.reason = response.reason;
    event.total_ms = whole_milliseconds(response.timing.total);
    event.saved_ms = saved(served).count();
    event.written_bytes = served.written_bytes;
    state.record(event);
    if (event.key) {
        state.note_runtime({facts_digest(inputs), inputs["runtime.openvino"], event.at_ns});
    }
    drop_without_gain(attempt, served, began_ns, event.at_ns);
    sight(attempt.session, attempt.store->id(), attempt.identified);
    if (attempt.asked) {
        attempt.session.next_model().end(std::move(*attempt.asked), response.object,
                                         response.object_bytes);
    }
}

void record_refused(Attempt& attempt, const std::string& reason) {
    attempt.is_refused = true;
    if (!attempt.store) return;
    auto event = draft_event(attempt);
    if (attempt.asked) event.key = attempt.identified.key;
    event.outcome = "refused";
    event.reason = reason;
    attempt.session.state().record(event);
}

void report(Attempt& attempt, const Served& served) {
    attempt.session.report().add(served.response.outcome, saved(served));
    if (!attempt.log().enabled(LogLevel::info)) return;
    attempt.log().info(attempt.name() + ": " + describe(served.response, compile_time(served)));
}

}  // namespace larder::internal::cache
