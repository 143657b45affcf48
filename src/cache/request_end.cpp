#include "cache/request_end.h"

#include <utility>

#include "cache/report.h"
#include "cache/sight.h"
#include "cache/stopwatch.h"

namespace larder::internal::cache {

void note_kept(Session& session, const std::shared_ptr<store::Store>& store,
               const Result<format::Manifest>& kept, Response& response,
               std::uint64_t& written_bytes) {
    if (kept) {
        response.object = kept->own_part().object;
        response.object_bytes = kept->total_bytes();
        const bool is_part = kept->encoding == format::Encoding::variant ||
                             kept->encoding == format::Encoding::referring;
        written_bytes = is_part ? kept->own_part().bytes : response.object_bytes;
        response.kept_bytes = kept->total_bytes() - kept->referred_bytes();
        return;
    }
    response.outcome = Outcome::bypassed;
    response.reason = kept.error().message();
    // What the device cannot export is no fault; it shows in the reason.
    if (kept.error().code == Errc::unsupported) return;
    session.log().warn_once("keep", "a model was compiled but not kept: " + kept.error().message());
    if (kept.error().code == Errc::not_found) session.lose(store);
}

void remember(Session& session, RequestEnd& end) {
    if (!end.store) return;
    const auto& response = end.response;
    store::Event event;
    event.at_ns = session.system().clock.wall().count();
    event.larder_id = end.store->id();
    if (response.key) event.key = format::Key{*response.key};
    event.model = end.called;
    event.device = end.identified.inputs["device.name"];
    event.outcome = word(response.outcome);
    event.reason = response.reason;
    event.total_ms = whole_milliseconds(response.timing.total);
    event.saved_ms = end.saved.count();
    event.written_bytes = end.written_bytes;
    session.state().record(event);
    sight(session, end.store->id(), end.identified);
    session.pipeline().end(std::move(end.asked), response.object, response.object_bytes);
}

void report(Session& session, const RequestEnd& end) {
    session.report().add(end.response.outcome, end.saved);
    if (!session.log().enabled(LogLevel::info)) return;
    session.log().info(end.name + ": " +
                       describe(end.response, std::chrono::milliseconds(
                                                  static_cast<std::int64_t>(end.compile_ms))));
}

}  // namespace larder::internal::cache
