#include "cache/attempt.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "cache/blob_pages.h"
#include "cache/encrypted_blob.h"
#include "cache/join_shards.h"
#include "cache/keep_files.h"
#include "cache/kept_form.h"
#include "cache/model_bytes.h"
#include "cache/report.h"
#include "cache/sight.h"
#include "cache/stopwatch.h"
#include "os/file_size_limit.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

// A key whose objects were refused by the runtime this often is not kept again: the entry then says
// so. Where the process that exported it was refused, it always will be; else it may have been
// another build.
constexpr std::uint64_t k_refusals_max = 2;

// As against a fault of the machine, or of the moment, in spite of which it may be compiled.
bool is_about_the_model(Errc code) {
    return code == Errc::not_found || code == Errc::damaged || code == Errc::invalid_argument;
}

}  // namespace

Result<Response> Attempt::run() {
    auto& clock = session_.system().clock;
    began_ = clock.monotonic();
    const auto began_ns = clock.wall().count();
    auto response = serve();
    // Who keeps it ends the request.
    if (!response || response->is_being_kept) return response;
    response->timing.runtime = times();
    response->timing.total = clock.monotonic() - began_;
    response_ = *response;
    weigh(began_ns, clock.wall().count());
    auto ended = end();
    remember(session_, ended);
    report(session_, ended);
    return response;
}

Result<Response> Attempt::serve() {
    const auto mode = session_.config().mode;
    const auto& unusable = session_.config().unusable;
    if (!unusable.empty()) return bypass_untouched("larder cannot be used: " + unusable);
    if (mode == Mode::off) return bypass_untouched("larder is switched off");
    auto opened = session_.store();
    if (!opened) {
        session_.log().warn_once("open", "models are not kept: " + opened.error().message());
        return bypass_untouched("larder cannot be used: " + opened.error().message());
    }
    store_ = std::move(*opened);
    auto identified = identify(session_, request_, model_, response_.timing);
    if (!identified) {
        // A GGUF file is read by nobody before us: OpenVINO's path API does not know the format.
        if (model_.path.ends_with(".gguf") && is_about_the_model(identified.error().code)) {
            return fail(std::move(identified.error()));
        }
        auto response = bypass_untouched(identified.error().message());
        // Where OpenVINO could not read it either, its own exception has said so by now.
        if (response && identified.error().code != Errc::unsupported) {
            session_.log().warn_once("model", "a model is not kept: " + response->reason);
        }
        return response;
    }
    identified_ = std::move(*identified);
    if (identified_.caching == runtime::Caching::none) return bypass_untouched(identified_.reason);
    if (identified_.caching == runtime::Caching::directory && os::is_file_size_limited()) {
        // The runtime itself writes the files, on threads of its own.
        return bypass_untouched(
            "the size of files is limited (ulimit -f), which the device's own cache would exceed");
    }
    response_.key = identified_.key.digest;
    asked_ = session_.pipeline().ask(store_->id(), identified_.key);

    if (mode == Mode::refresh) {
        miss_ = "it was to be compiled anew";
    } else {
        auto outcome = try_to_load(Locked::no);
        while (!outcome && (try_next_key() || try_next_machine())) {
            outcome = try_to_load(Locked::no);
        }
        if (outcome) return finished(*outcome);
    }
    if (mode == Mode::cache_only) return refuse(miss_);
    if (is_of_others_) return bypass(miss_);
    if (mode == Mode::read_only) return bypass(miss_ + ", and larder only reads");
    if (store_->access() == store::Access::read_only) {
        const auto& why = store_->read_only_reason();
        const auto text = why ? why->message() : "the larder is read-only";
        session_.log().warn_once("read-only", "models are not kept: " + text);
        return bypass(miss_ + ", and nothing can be kept: " + text);
    }
    return compile_and_keep();
}

Result<Response> Attempt::compile_and_keep() {
    const auto presence = WeightSharing::announce(session_, store_, identified_, request_);
    auto flight = store_->flight(identified_.key, std::chrono::nanoseconds{0}, name());
    const bool others_compile = !flight && flight.error().code == Errc::timed_out;
    if (others_compile) {
        const auto holder = store_->flight_holder(identified_.key);
        session_.log().info(name() + ": waiting: " +
                            (holder ? describe(*holder, session_.system().clock.wall())
                                    : "another process compiles it"));
        flight = store_->flight(identified_.key, session_.config().lock_timeout, name());
    }
    if (flight) {
        if (others_compile) response_.timing.wait = flight->waited_for();
        if (session_.config().mode != Mode::refresh) {
            if (const auto outcome = try_to_load(Locked::yes)) {
                const bool other = *outcome == Outcome::loaded && others_compile;
                return finished(other ? Outcome::waited : *outcome);
            }
            // It came meanwhile; this program's own is kept under the next key, next time.
            if (is_of_others_) return bypass(miss_);
            // Machines that differ started together.
            if (found_ == Found::of_other_machine && machine_ + 1 < k_machines_max) {
                static_cast<void>(store::Flight(std::move(*flight)));
                ask_for_machine(machine_ + 1);
                return compile_and_keep();
            }
        }
    } else if (flight.error().code == Errc::timed_out) {
        response_.timing.wait = session_.config().lock_timeout;
        miss_ += ", and another process has been compiling it for longer than the lock timeout";
    } else {
        // Two may now compile the same thing: a waste, no harm.
        session_.log().warn_once("lock", "cannot lock: " + flight.error().message());
    }

    if (flight && link_entry_of_file()) {
        if (const auto outcome = try_to_load(Locked::yes)) return finished(*outcome);
    }
    if (auto readable = make_readable(); !readable) return fail(std::move(readable.error()));
    if (flight && link_entry_of_graph()) {
        if (const auto outcome = try_to_load(Locked::yes)) {
            request_.release_model();
            return finished(*outcome);
        }
    }
    if (found_ == Found::nothing && miss_ == k_first_miss &&
        was_other(session_, store_->id(), identified_)) {
        miss_ = "its content has changed";
    }
    const auto control = begin_control();
    if (identified_.caching == runtime::Caching::directory) {
        auto directory = store_->materialise(nullptr, session_.config().verify);
        if (!directory) {
            session_.log().warn_once("keep", "cannot keep a model: " + directory.error().message());
            return bypass(directory.error().message());
        }
        auto manifest = draft();
        manifest.encoding = format::Encoding::files;
        const auto outcome = compile_into_directory(std::move(*directory), manifest);
        watch(control);
        return finished(outcome);
    }
    auto source_pages = read_model();
    const bool exchanges = is_to_be_exchanged(source_pages.get());
    if (exchanges && session_.config().share != Share::off &&
        !request_.unpacking_libraries().empty()) {
        // The import that takes its place may be given its threads.
        compiled_.emplace(request_.starting_libraries(), request_.making_function());
    }
    session_.log().debug(name() + ": compiling, because " + miss_);
    request_.compile();
    if (!refusal_.empty()) session_.log().warn_once("refused", refusal_);
    watch(control);
    response_.outcome = Outcome::compiled;
    response_.reason = miss_;
    if (flight && !exchanges && keep_behind(*flight, source_pages)) return response_;
    auto kept = keep_blob();
    // Others wait for what is kept by now, and not for what this process makes of it.
    if (flight) static_cast<void>(store::Flight(std::move(*flight)));
    if (kept && is_refused(*kept)) {
        response_.object.reset();
        response_.object_bytes = 0;
        response_.kept_bytes = 0;
        written_bytes_ = 0;
        note_kept(withhold(reason_to_withhold()));
        kept.reset();
    }
    if (source_pages && !exchanges) source_pages->drop();
    source_pages.reset();
    request_.release_model();
    if (kept && exchanges) {
        if (auto done = exchange(*kept); !done) return fail(std::move(done.error()));
    }
    if (session_.config().release_memory) os::return_freed_memory();
    return response_;
}

format::Manifest Attempt::draft() {
    format::Manifest manifest;
    manifest.key = identified_.key;
    manifest.key_inputs = identified_.inputs;
    manifest.model = identified_.model;
    manifest.device = identified_.inputs["device.name"];
    manifest.created_at_ns = session_.system().clock.wall().count();
    const auto spent = times();
    manifest.compile_ms =
        whole_milliseconds(spent.compile.value_or(std::chrono::nanoseconds{0}) +
                           spent.read_model.value_or(std::chrono::nanoseconds{0}));
    blame_.note_in(manifest);
    if (refusals_ > 0) manifest.notes["refusals"] = std::to_string(refusals_);
    return manifest;
}

void Attempt::note_refusal(Refused when) {
    refusals_ = when == Refused::when_exported ? k_refusals_max : refusals_ + 1;
}

std::string Attempt::reason_to_withhold() const {
    if (auto reason = blame_.reason_to_withhold(); !reason.empty()) return reason;
    if (refusals_ >= k_refusals_max) {
        return "the runtime refuses what it exports of it";
    }
    return {};
}

std::optional<format::Manifest> Attempt::keep_blob() {
    session_.log().debug(name() + ": publishing");
    const auto start = session_.system().clock.monotonic();
    auto reason = reason_to_withhold();
    auto kept = reason.empty() ? publish_blob() : withhold(std::move(reason));
    auto& timing = response_.timing;
    timing.publish = session_.system().clock.monotonic() - start -
                     timing.export_blob.value_or(std::chrono::nanoseconds{0});
    note_kept(kept);
    if (!kept || is_withheld(*kept)) return std::nullopt;
    return std::move(*kept);
}

store::Publication Attempt::draft_publication() {
    store::Publication publication;
    publication.manifest = draft();
    auto& manifest = publication.manifest;
    manifest.requirements = request_.requirements();
    if (request_.exports_without_weights()) manifest.weights = format::Weights::external;
    if (request_.encryption() == nullptr && request_.makes_kernels()) {
        manifest.notes[k_kernels_note] = "made while it runs";
    }
    note_names(manifest);
    if (auto settled = request_.settled_properties(); !settled.empty()) {
        manifest.notes[k_settled_note] = std::move(settled);
    }
    if (request_.encryption() != nullptr) {
        manifest.encoding = format::Encoding::encrypted;
    } else {
        publication.family = identified_.family;
    }
    return publication;
}

Result<format::Manifest> Attempt::publish_blob() {
    auto publication = draft_publication();
    auto& manifest = publication.manifest;
    store::PartSource source;
    source.write = [&](store::StagedFile& file) {
        const Stopwatch watch(session_.system().clock, response_.timing.export_blob);
        if (const auto* const encryption = request_.encryption()) {
            MemorySink memory;
            if (auto done = request_.export_blob(memory); !done) return done;
            if (auto same = confirm_model(); !same) return same;
            return memory.encrypt_into(file, identified_.key, *encryption);
        }
        const auto write = [&](runtime::BlobSink& sink) { return request_.export_blob(sink); };
        auto done = export_blob(session_, identified_, how_to_export(), write, file, manifest);
        return done ? confirm_model() : done;
    };
    if (request_.encryption() != nullptr) source.name = format::k_pieces_part;
    publication.sources.push_back(std::move(source));
    return publish(publication);
}

BlobExport Attempt::how_to_export() { return {reason_to_keep_weights(), request_.copies_blob()}; }

std::string Attempt::reason_to_keep_weights() const {
    if (request_.encryption() != nullptr) return "the program encrypts what is kept";
    if (request_.exports_without_weights()) return "the device has left them out";
    switch (session_.config().weights) {
        case WeightsKept::keep: return "LARDER_WEIGHTS=keep";
        case WeightsKept::refer: return {};
        case WeightsKept::automatic: break;
    }
    // Another program has kept it under the same key, and will ask again.
    if (lacks_weights_) return "programs have the model in memory alone";
    // What is copied together stays in memory: the GPU plugin of 2026.4.1 holds the blob that it
    // imported for as long as the model lives. Pages of a file can be dropped.
    if (request_.copies_blob() && request_.holds_blob()) {
        return "the device would hold them in memory";
    }
    if (ModelBytes(session_, identified_).is_far(store_->directory())) {
        return "the model's files lie further away than the larder";
    }
    return {};
}

Result<format::Manifest> Attempt::withhold(std::string reason) {
    store::Publication publication;
    publication.manifest = draft();
    publication.manifest.notes[k_withheld_note] = std::move(reason);
    store::PartSource source;
    source.write = [](store::StagedFile&) { return Result<void>{}; };
    publication.sources.push_back(std::move(source));
    return publish(publication);
}

// After it was published: should the import end the process, the next start knows.
bool Attempt::is_refused(const format::Manifest& kept) {
    // What is larger is imported in place of what was compiled; what the runtime has refused or
    // died of is not tried twice.
    if (is_withheld(kept) || kept.total_bytes() >= k_releasable_blob_bytes) return false;
    if (blame_.crashes > 0) return false;
    // What was accepted before may only be refused for what is asked for besides.
    if (refused_ && refusals_ == 0) return false;
    auto manifest = kept;
    const auto object = open_blob(manifest);
    if (!object) return false;
    const auto trial = begin_trial(manifest.own_part().object);
    const runtime::Blob blob{object->bytes(), object->mapping};
    const auto accepted = request_.try_import(blob, manifest.weights == format::Weights::external);
    if (trial) trial->withdraw();
    if (accepted || accepted.error().code != Errc::incompatible) return false;
    note_refusal(Refused::when_exported);
    return true;
}

// The model is compiled: where memory is short, it is not kept, and no more is lost.
Result<format::Manifest> Attempt::publish(const store::Publication& publication) {
    try {
        return store_->publish(publication);
    } catch (const std::bad_alloc&) {
        return fail(Error::from_errno("cannot keep a model in", store_->directory(), ENOMEM));
    }
}

// Nor is anything lost where memory is short before.
std::optional<Outcome> Attempt::try_to_load(Locked locked) {
    try {
        return load(locked);
    } catch (const std::bad_alloc&) {
        miss_ = "there is too little memory to load what is kept";
        return std::nullopt;
    }
}

Result<void> Attempt::make_readable() {
    std::optional<std::chrono::nanoseconds> time;
    Result<void> joined;
    {
        const Stopwatch watch(session_.system().clock, time);
        joined = join_shards(session_, store_.get(), request_, model_);
    }
    joining_ = joining_.value_or(std::chrono::nanoseconds{0}) + *time;
    return joined;
}

// Joining a model's shards is a part of reading it.
runtime::StageTimes Attempt::times() const {
    auto times = request_.times();
    if (joining_ && times.read_model) *times.read_model += *joining_;
    return times;
}

// What was compiled may be read from files that changed after they were fingerprinted.
Result<void> Attempt::confirm_model() { return confirm_unchanged(session_, request_, identified_); }

void Attempt::note_kept(const Result<format::Manifest>& kept) {
    if (kept && is_withheld(*kept) && refusals_ >= k_refusals_max) {
        response_.outcome = Outcome::bypassed;
        response_.reason = "it is not kept: " + kept->notes.at(k_withheld_note);
        return;
    }
    cache::note_kept(session_, store_, kept, response_, written_bytes_);
}

Outcome Attempt::compile_into_directory(store::PrivateDirectory directory,
                                        const format::Manifest& manifest) {
    const auto name = "larder-" + identified_.key.hex();
    const auto began_at_ns = session_.system().clock.wall().count();
    if (request_.compile_with({directory.path(), name})) {
        session_.retain(store_, std::move(directory), manifest, std::nullopt);
        return Outcome::loaded;
    }
    const auto same = confirm_model();
    request_.release_model();
    response_.outcome = Outcome::compiled;
    response_.reason = miss_;
    if (store_->access() == store::Access::read_only) {
        response_.outcome = Outcome::bypassed;
        return response_.outcome;
    }
    if (!same) {
        note_kept(fail(same.error()));
        return response_.outcome;
    }
    auto fresh = manifest;
    const auto& times = request_.times();
    fresh.compile_ms = whole_milliseconds(times.compile.value_or(std::chrono::nanoseconds{0}));
    const auto start = session_.system().clock.monotonic();
    const auto kept = keep_files(*store_, directory, fresh, began_at_ns);
    response_.timing.publish = session_.system().clock.monotonic() - start;
    if (!kept && kept.error().code == Errc::unsupported && request_.is_stood_in_for()) {
        response_.reason += "; it is kept once the device behind it has compiled it";
    } else {
        note_kept(kept);
    }
    session_.retain(store_, std::move(directory), kept ? *kept : fresh, began_at_ns);
    return response_.outcome;
}

Result<Response> Attempt::finished(Outcome outcome) {
    response_.outcome = outcome;
    return response_;
}

tl::unexpected<Error> Attempt::refuse(const std::string& reason) const {
    return fail(Errc::not_found, "not loaded, because " + reason + ":", called(),
                "compile it first, or use a mode other than cache-only");
}

Result<Response> Attempt::bypass(std::string reason) {
    if (auto readable = make_readable(); !readable) return fail(std::move(readable.error()));
    request_.compile();
    if (!refusal_.empty()) session_.log().warn_once("refused", refusal_);
    request_.release_model();
    response_.reason = std::move(reason);
    return finished(Outcome::bypassed);
}

Result<Response> Attempt::bypass_untouched(std::string reason) {
    if (session_.config().mode == Mode::cache_only) return refuse(reason);
    if (auto readable = make_readable(); !readable) return fail(std::move(readable.error()));
    request_.compile_untouched();
    request_.release_model();
    response_.reason = std::move(reason);
    return finished(Outcome::bypassed);
}

}  // namespace larder::internal::cache
