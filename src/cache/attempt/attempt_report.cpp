// Records and reports the outcome of a request.
#include <algorithm>
#include <utility>

#include "cache/attempt/attempt.h"
#include "cache/attempt/gain.h"
#include "cache/identify/sight.h"
#include "cache/session/report.h"
#include "cache/session/stopwatch.h"
#include "cache/stale/staleness.h"

namespace larder::internal::cache {

std::chrono::milliseconds Attempt::saved() const {
    if (!loaded_) return std::chrono::milliseconds{0};
    const std::chrono::milliseconds compiling(loaded_->compile_ms);
    const auto saved =
        compiling - std::chrono::floor<std::chrono::milliseconds>(response_.timing.total);
    // A request that waited for another's compile counts as saving at least nothing.
    return response_.timing.wait ? std::max(saved, std::chrono::milliseconds{0}) : saved;
}

std::string Attempt::called() const {
    if (!identified_.model.path.empty()) return identified_.model.path;
    return model_.path.empty() ? model_.name : model_.path;
}

std::string Attempt::name() const {
    auto text = called();
    if (text.empty()) text = "a model";
    const auto device = identified_.inputs.find("device.name");
    if (device != identified_.inputs.end() && !device->second.empty())
        text += " on " + device->second;
    return text;
}

void Attempt::begin(Stage stage, std::string detail, std::uint64_t bytes_total) {
    meter_.begin({stage, name(), std::move(detail), 0, bytes_total});
}

void Attempt::report() {
    session_.report().add(response_.outcome, saved());
    if (!session_.log().enabled(LogLevel::info)) return;
    session_.log().info(
        name() + ": " +
        describe(response_, std::chrono::milliseconds(loaded_ ? loaded_->compile_ms : 0)));
}

state::Event Attempt::draft_event() {
    state::Event event;
    event.at_ns = session_.system().clock.wall().count();
    event.larder_id = store_->id();
    if (response_.key) event.key = format::Key{*response_.key};
    event.model = called();
    event.device = identified_.inputs["device.name"];
    return event;
}

void Attempt::record_refused(std::string reason) {
    is_refused_ = true;
    if (!store_) return;
    auto event = draft_event();
    event.outcome = "refused";
    event.reason = std::move(reason);
    session_.state().record(event);
}

void Attempt::record(std::int64_t began_ns) {
    if (!store_) return;
    auto event = draft_event();
    event.outcome = to_string(response_.outcome);
    event.reason = response_.reason;
    event.total_ms = whole_milliseconds(response_.timing.total);
    event.saved_ms = saved().count();
    event.written_bytes = written_bytes_;
    session_.state().record(event);
    if (event.key) {
        session_.state().note_runtime({facts_digest(identified_.inputs),
                                       identified_.inputs["runtime.openvino"], event.at_ns});
    }
    weigh(began_ns, event.at_ns);
    sight(session_, store_->id(), identified_);
    session_.next_model().end(std::move(asked_), response_.object, response_.object_bytes);
}

void Attempt::weigh(std::int64_t began_ns, std::int64_t ended_ns) {
    if (!loaded_ || response_.outcome != Outcome::loaded) return;
    const auto& timing = response_.timing;
    const std::chrono::nanoseconds none{0};
    const auto spent = timing.total - timing.fingerprint.value_or(none) -
                       timing.lookup.value_or(none) - timing.wait.value_or(none);
    auto reason = reason_to_drop(session_, *store_,
                                 {*loaded_, began_ns, ended_ns, whole_milliseconds(spent)});
    if (reason.empty()) return;
    session_.log().info(name() + " is not kept any more: " + reason);
    // If this fails, the next load tries again.
    static_cast<void>(publish(without_blob(*loaded_, std::move(reason))));
}

}  // namespace larder::internal::cache
