#include "serve/service.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "cli/failure.h"
#include "cli/quantity.h"
#include "cli/runtime.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "serve/body.h"
#include "serve/disk_use.h"
#include "serve/metrics.h"
#include "serve/web.h"

namespace larder::serve {
namespace {

using cli::Json;
using std::chrono::milliseconds;

constexpr std::string_view k_api = "/api/v1/";
constexpr milliseconds k_age_max{1000};
constexpr milliseconds k_metrics_age_max{5000};
constexpr std::chrono::seconds::rep k_intervals_max = 2000;

Response json_response(const Json& json, Status status = Status::ok) {
    Response response;
    response.status = status;
    response.body = std::make_shared<std::string>(cli::json_line(json));
    return response;
}

// Returns a text of a snapshot, which lives as long as the response.
Response text_of(std::shared_ptr<const Snapshot> snapshot, std::string Snapshot::* text) {
    Response response;
    const auto* const body = &((*snapshot).*text);
    response.body = std::shared_ptr<const std::string>(std::move(snapshot), body);
    return response;
}

Response not_found() {
    return error_response(Status::not_found, "not_found", "there is nothing at this address",
                          "/api/v1/openapi.json lists what there is");
}

Response wrong_method(const char* allowed) {
    auto response =
        error_response(Status::method_not_allowed, "method", "this method is not allowed here", {});
    response.fields.emplace_back("Allow", allowed);
    return response;
}

Status status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_found:
        case ErrorCode::miss: return Status::not_found;
        case ErrorCode::permission_denied:
        case ErrorCode::read_only: return Status::forbidden;
        case ErrorCode::invalid_argument: return Status::bad_request;
        case ErrorCode::timed_out: return Status::unavailable;
        case ErrorCode::no_space:
        case ErrorCode::damaged:
        case ErrorCode::unsupported:
        case ErrorCode::io: return Status::internal;
    }
    return Status::internal;
}

// Describes the exception that is being handled.
Response failed() {
    const auto failure = cli::current_failure();
    try {
        throw;
    } catch (const Error& error) {
        return error_response(status_of(error.code()), to_string(error.code()), failure.what,
                              failure.remedy);
    } catch (const cli::CommandError&) {
        const auto status =
            failure.exit_code == cli::k_usage ? Status::bad_request : Status::unprocessable;
        return error_response(status, "failed", failure.what, failure.remedy);
    } catch (...) {
        return error_response(Status::internal, "failed", failure.what, failure.remedy);
    }
}

// Parses an age like parse_age, but refuses an age of 0; absent if the query has no age.
std::optional<std::chrono::seconds> age_in(const Request& request, std::string_view name) {
    const auto found = request.query.find(name);
    if (found == request.query.end()) return std::nullopt;
    const auto age = parse_age(found->second);
    if (age.count() > 0) return age;
    throw Error(ErrorCode::invalid_argument, std::string(name) + " has to be an age",
                "write it with a unit, such as 12h or 30d");
}

const WebFile* web_file(std::string_view path) {
    const auto files = web_files();
    const auto found = std::ranges::find(files, path, &WebFile::path);
    return found == files.end() ? nullptr : &*found;
}

constexpr std::array<std::string_view, 7> k_actions{"prune",  "remove", "pin",   "unpin",
                                                    "verify", "repair", "cancel"};

}  // namespace

Service::Service(Settings settings, Reader& reader, Jobs& jobs)
    : settings_(std::move(settings)), reader_(reader), jobs_(jobs), started_at_(cli::now()) {}

Response Service::answer(const Request& request) const noexcept {
    Response response;
    try {
        response = route(request);
    } catch (...) {
        response = failed();
    }
    protect(response);
    return response;
}

Response Service::route(const Request& request) const {
    std::string_view path = request.path;
    const auto* const file = web_file(path);
    const bool is_action =
        path.starts_with(k_api) &&
        std::ranges::find(k_actions, path.substr(k_api.size())) != k_actions.end();
    const auto need = is_action                               ? Need::acting
                      : file != nullptr || path == "/healthz" ? Need::nothing
                                                              : Need::reading;
    if (is_action && request.method != Method::post) return wrong_method("POST");
    if (!is_action && request.method != Method::get && request.method != Method::head) {
        return wrong_method("GET, HEAD");
    }
    if (auto refused = refusal(access_, request, need)) return std::move(*refused);
    if (is_action) return act(request, path.substr(k_api.size()));
    if (file != nullptr) {
        Response response;
        response.type = file->type;
        response.body = std::make_shared<std::string>(file->text);
        return response;
    }
    if (path == "/healthz") return health();
    if (path == "/metrics") return metrics();
    return path.starts_with(k_api) ? read(request, path.substr(k_api.size())) : not_found();
}

Response Service::read(const Request& request, std::string_view path) const {
    constexpr std::string_view k_entry = "entries/";
    if (path == "entries") return text_of(reader_.snapshot(k_age_max), &Snapshot::entries_json);
    if (path.starts_with(k_entry)) return entry(path.substr(k_entry.size()));
    if (path == "overview") return json_response(state_json(*reader_.snapshot(k_age_max)));
    if (path == "room") return json_response(disk_use_json(*reader_.snapshot(k_age_max)));
    if (path == "stats") return stats(request);
    if (path == "history") return history(request);
    if (path == "settings") return json_response(cli::settings_json(settings_.list));
    if (path == "job") return json_response(jobs_.json());
    if (path == "events") return events();
    return not_found();
}

Response Service::act(const Request& request, std::string_view path) const {
    if (path == "prune") return prune(request.body);
    if (path == "remove") return remove(request.body);
    if (path == "pin") return pin(request.body, true);
    if (path == "unpin") return pin(request.body, false);
    if (path == "verify") return start(request.body, Jobs::Verb::verify);
    if (path == "repair") return start(request.body, Jobs::Verb::repair);
    static_cast<void>(Body(request.body, {}));
    jobs_.cancel();
    return json_response(jobs_.json());
}

Json Service::state_json(const Snapshot& snapshot) const {
    auto json = snapshot.overview;
    json["version"] = snapshot.version;
    json["read_only"] = access_.read_only;
    json["job"] = jobs_.json();
    return json;
}

Response Service::entry(std::string_view path) const {
    const auto slash = path.find('/');
    const auto key = path.substr(0, slash);
    const auto what = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
    if (!is_key(key) || (!what.empty() && what != "/why")) return not_found();
    const Store store(settings_.options);
    auto entry = store.entry(key);
    if (what == "/why") {
        return json_response(cli::runtime().explain(settings_.options, {.model = entry.key}));
    }
    const auto snapshot = reader_.snapshot(k_age_max);
    const auto same = std::ranges::find(snapshot->entries, entry.key, &EntryInfo::key);
    if (same != snapshot->entries.end()) entry.stale = same->stale;
    const auto unique = snapshot->unique.find(entry.key);
    return json_response(cli::whole_entry_json(
        entry, unique == snapshot->unique.end() ? entry.bytes : unique->second));
}

Response Service::stats(const Request& request) const {
    const auto since = age_in(request, "since");
    const auto snapshot = reader_.snapshot(k_age_max);
    if (!since) return text_of(snapshot, &Snapshot::stats_json);
    const auto stats = Store(settings_.options).stats(cli::now() - *since);
    return json_response(cli::stats_json(stats, snapshot->entries, snapshot->compiling));
}

Response Service::history(const Request& request) const {
    constexpr std::chrono::hours k_day{24};
    const auto age = age_in(request, "since").value_or(30 * k_day);
    const auto interval = age_in(request, "interval").value_or(k_day);
    if (age / interval > k_intervals_max) {
        throw Error(ErrorCode::invalid_argument, "that would be too many intervals",
                    "give a longer interval=, or a shorter since=");
    }
    auto json = cli::json_object();
    json["since"] = cli::format_time(cli::now() - age);
    json["interval_seconds"] = interval.count();
    json["intervals"] = Json::array();
    const Store store(settings_.options);
    for (const auto& each : store.history(cli::now() - age, interval)) {
        json["intervals"].push_back(cli::interval_json(each));
    }
    return json_response(json);
}

Response Service::metrics() const {
    const auto snapshot = reader_.snapshot(k_metrics_age_max);
    const auto since_start = Store(settings_.options).stats(started_at_);
    Response response;
    response.type = k_metrics_type;
    response.body = std::make_shared<std::string>(metrics_text({since_start, snapshot.get()}));
    return response;
}

Response Service::events() const {
    Response response;
    response.type = "text/event-stream";
    response.stream = Stream::events;
    auto text = cli::json_line(state_json(*reader_.snapshot(k_age_max)));
    text.pop_back();
    response.body = std::make_shared<std::string>(event_text("state", text));
    return response;
}

Response Service::health() const {
    // Throws if the larder cannot be read.
    const Store store(settings_.options);
    static_cast<void>(store.max_size_bytes());
    auto json = cli::json_object();
    json["status"] = "ok";
    return json_response(json);
}

Response Service::prune(const std::string& body) const {
    const Body asked(body,
                     {"dry_run", "stale", "incompatible", "older_than", "max_size", "quarantine"});
    PruneRules rules;
    if (const auto size = asked.text("max_size")) {
        rules.max_size_bytes = parse_size(*size);
        if (*rules.max_size_bytes == 0) {
            throw Error(ErrorCode::invalid_argument, "a max_size of 0 would mean no limit",
                        "to remove everything: larder clear");
        }
    }
    if (const auto age = asked.text("older_than")) rules.older_than = parse_age(*age);
    rules.quarantine = asked.flag("quarantine", false);
    const bool stale = asked.flag("stale", false);
    const bool incompatible = asked.flag("incompatible", false);
    const auto dry_run = asked.flag("dry_run", true) ? DryRun::yes : DryRun::no;
    Store store(settings_.options);
    if (stale || incompatible) rules.keys = cli::stale_keys(store, {stale, incompatible});
    const auto report = store.prune(rules, dry_run);
    if (dry_run == DryRun::no) reader_.look_now();
    return json_response(cli::prune_json(report, dry_run));
}

Response Service::remove(const std::string& body) const {
    const Body asked(body, {"dry_run", "keys"});
    const auto dry_run = asked.flag("dry_run", true) ? DryRun::yes : DryRun::no;
    const auto report = Store(settings_.options).remove(asked.keys(Body::Absent::wrong), dry_run);
    if (dry_run == DryRun::no) reader_.look_now();
    return json_response(cli::removal_json(report, dry_run));
}

Response Service::pin(const std::string& body, bool pinned) const {
    const Body asked(body, {"keys"});
    const auto keys = asked.keys(Body::Absent::wrong);
    Store store(settings_.options);
    if (pinned) {
        store.pin(keys);
    } else {
        store.unpin(keys);
    }
    reader_.look_now();
    auto json = cli::json_object();
    json[pinned ? "pinned" : "unpinned"] = keys;
    return json_response(json);
}

Response Service::start(const std::string& body, Jobs::Verb verb) const {
    const Body asked(body, {"keys"});
    if (!jobs_.start(verb, asked.keys(Body::Absent::empty))) {
        return error_response(Status::conflict, "busy", "a verification is already running",
                              "wait until it has ended, or cancel it");
    }
    return json_response(jobs_.json(), Status::accepted);
}

}  // namespace larder::serve
