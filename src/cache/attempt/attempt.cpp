#include "cache/attempt/attempt.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "cache/entries/keep_files.h"
#include "cache/identify/encrypted_blob.h"
#include "cache/identify/merge_gguf_shards.h"
#include "cache/identify/sight.h"
#include "cache/pages/blob_pages.h"
#include "cache/session/report.h"
#include "cache/session/stopwatch.h"
#include "os/file_size_limit.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr std::chrono::seconds k_wait_in_silence{10};

// Tells faults of the model from those of the machine or the moment; after the latter the model may
// still be compiled.
bool is_about_the_model(Errc code) {
    return code == Errc::not_found || code == Errc::damaged || code == Errc::invalid_argument;
}

}  // namespace

Result<Response> Attempt::run() {
    auto& clock = session_.system().clock;
    const auto start = clock.monotonic();
    const auto began_ns = clock.wall().count();
    auto response = serve_and_count();
    if (!response) return response;
    response->timing.runtime = times();
    response->timing.total = clock.monotonic() - start;
    response_ = *response;
    record(began_ns);
    report();
    return response;
}

Result<Response> Attempt::serve_and_count() {
    try {
        auto response = serve();
        if (!response) {
            is_refused_ ? session_.report().add_refused() : session_.report().add_failed();
        }
        return response;
    } catch (...) {
        session_.report().add_failed();
        throw;
    }
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
        if (model_.origin == ModelOrigin::path && model_.path.ends_with(".gguf") &&
            is_about_the_model(identified.error().code)) {
            return fail(std::move(identified.error()));
        }
        auto response = bypass_untouched(identified.error().message());
        // If OpenVINO could not read the model either, its own exception has said so before this
        // point.
        if (response && identified.error().code != Errc::unsupported) {
            session_.log().warn_once("model", "a model is not kept: " + response->reason);
        }
        return response;
    }
    identified_ = std::move(*identified);
    if (identified_.caching == runtime::Caching::none) return bypass_untouched(identified_.reason);
    if (identified_.caching == runtime::Caching::directory && os::is_file_size_limited()) {
        // The runtime writes the files itself, on threads of its own, where FileSizeLimitGuard has
        // no effect.
        return bypass_untouched(
            "the size of files is limited (ulimit -f), which the device's own cache would exceed");
    }
    response_.key = identified_.key.digest;
    session_.wait_for_published(identified_.key);
    asked_ = session_.next_model().ask(store_->id(), identified_.key);

    if (mode == Mode::refresh) {
        miss_ = "the mode is refresh: it is compiled anew";
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

Result<store::CompileLock> Attempt::wait_for_compile() {
    const auto describe_holder = [&] {
        const auto holder = store_->compile_lock_holder(identified_.key);
        return holder ? describe(*holder, session_.system().clock.wall())
                      : std::string("another process compiles it");
    };
    begin(Stage::waiting, describe_holder());
    const auto timeout = session_.config().lock_timeout;
    const auto in_silence = std::min<std::chrono::nanoseconds>(k_wait_in_silence, timeout);
    auto lock = store_->compile_lock(identified_.key, in_silence, name());
    if (lock || lock.error().code != Errc::timed_out || timeout == in_silence) return lock;
    session_.log().warn_once(
        "wait", name() + " waits: " + describe_holder() + "; LARDER_LOCK_TIMEOUT limits the wait");
    return store_->compile_lock(identified_.key, timeout - in_silence, name());
}

Result<Response> Attempt::compile_and_keep() {
    const auto presence = WeightSharing::announce(session_, store_, identified_, request_);
    auto compile_lock = store_->compile_lock(identified_.key, std::chrono::nanoseconds{0}, name());
    const bool others_compile = !compile_lock && compile_lock.error().code == Errc::timed_out;
    if (others_compile) {
        const auto start = session_.system().clock.monotonic();
        compile_lock = wait_for_compile();
        response_.timing.wait = session_.system().clock.monotonic() - start;
    }
    if (compile_lock) {
        if (session_.config().mode != Mode::refresh) {
            if (const auto outcome = try_to_load(Locked::yes)) {
                const bool other = *outcome == Outcome::loaded && others_compile;
                return finished(other ? Outcome::waited : *outcome);
            }
            // The entry was published meanwhile by a program with other callbacks. This program's
            // own will be published under the next key at the next request.
            if (is_of_others_) return bypass(miss_);
            // Machines that differ started at the same time.
            if (found_ == Found::of_other_machine && machine_ + 1 < k_machines_max) {
                static_cast<void>(store::CompileLock(std::move(*compile_lock)));
                ask_for_machine(machine_ + 1);
                return compile_and_keep();
            }
        }
    } else if (compile_lock.error().code == Errc::timed_out) {
        miss_ += ", and another process has been compiling it for longer than the lock timeout";
    } else if (compile_lock.error().code == Errc::busy) {
        miss_ += ", and a signal ended the wait for the process that compiles it";
    } else {
        // Two processes may now compile the same key: that wastes time and does no harm.
        session_.log().warn_once("lock", "cannot lock: " + compile_lock.error().message());
    }

    if (compile_lock && link_entry_of_file()) {
        if (const auto outcome = try_to_load(Locked::yes)) return finished(*outcome);
    }
    if (auto readable = make_readable(); !readable) return fail(std::move(readable.error()));
    if (compile_lock && link_entry_of_graph()) {
        if (const auto outcome = try_to_load(Locked::yes)) {
            request_.release_model();
            return finished(*outcome);
        }
    }
    if (found_ == Found::nothing && miss_ == k_first_miss) {
        if (store_->is_entry_set_aside(identified_.key)) {
            miss_ = k_set_aside;
        } else if (was_other(session_, store_->id(), identified_)) {
            miss_ = "its content has changed";
        }
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
    bool exchanges = is_to_be_exchanged(source_pages.get());
    const bool may_share =
        session_.config().share != Share::off && !request_.unpacking_libraries().empty();
    if (may_share) {
        // The import that replaces the compiled model may then account for the threads started
        // here.
        compiled_.emplace(request_.starting_libraries(), request_.making_function());
    }
    begin(Stage::compiling, "because " + miss_);
    if (const auto outcome = compile_wrapped()) {
        watch(control);
        return finished(*outcome);
    }
    if (!refusal_.empty()) session_.log().warn_once("refused", refusal_);
    watch(control);
    response_.outcome = Outcome::compiled;
    response_.reason = miss_;
    // Only the memory of an imported model can be shared.
    exchanges = exchanges ||
                (may_share && session_.config().release_memory && request_.compiled_holds_model() &&
                 WeightSharing::is_used_by_others(session_, *store_, identified_));
    const bool is_behind = compile_lock && !exchanges && may_be_published_behind();
    auto kept = is_behind ? publish_behind(std::move(*compile_lock)) : keep_blob();
    // Other processes wait for the entry, which is published by now, and not for the exchange
    // below.
    if (compile_lock) static_cast<void>(store::CompileLock(std::move(*compile_lock)));
    const bool exchanges_now = kept && exchanges && !is_lean(*kept, source_pages.get());
    if (source_pages && !exchanges_now) source_pages->drop();
    source_pages.reset();
    request_.release_model();
    if (exchanges_now) {
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
        return "the runtime refuses to import its own export of it";
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

// The model is compiled already: with too little memory it is not published, and nothing else is
// lost.
Result<format::Manifest> Attempt::publish(const store::Publication& publication) {
    try {
        return store_->publish(publication);
    } catch (const std::bad_alloc&) {
        return fail(Error::from_errno("cannot keep a model in", store_->directory(), ENOMEM));
    }
}

// With too little memory to load, the request compiles.
std::optional<Outcome> Attempt::try_to_load(Locked locked) {
    try {
        return load(locked);
    } catch (const std::bad_alloc&) {
        miss_ = "there is too little memory to load the kept blob";
        return std::nullopt;
    }
}

Result<void> Attempt::make_readable() {
    std::optional<std::chrono::nanoseconds> time;
    Result<void> joined;
    {
        const Stopwatch watch(session_.system().clock, time);
        joined = merge_gguf_shards(session_, store_.get(), request_, model_);
    }
    joining_ = joining_.value_or(std::chrono::nanoseconds{0}) + *time;
    return joined;
}

// Adds the time for joining a model's shards, which is a part of reading it.
runtime::StageTimes Attempt::times() const {
    auto times = request_.times();
    if (joining_ && times.read_model) *times.read_model += *joining_;
    return times;
}

// The files may have changed between fingerprinting and compiling.
Result<void> Attempt::confirm_model() { return confirm_unchanged(session_, request_, identified_); }

bool Attempt::compile_with(const store::PrivateDirectory& directory) {
    return request_.compile_with({directory.path(), "larder-" + identified_.key.hex()});
}

std::optional<Outcome> Attempt::compile_wrapped() {
    const bool may_be = request_.may_be_wrapped() && request_.encryption() == nullptr &&
                        !os::is_file_size_limited();
    auto directory = may_be ? store_->materialise(nullptr, session_.config().verify)
                            : fail(Errc::unsupported, "no device is needed");
    if (!directory) {
        request_.compile();
        return std::nullopt;
    }
    const auto began_at_ns = session_.system().clock.wall().count();
    static_cast<void>(compile_with(*directory));
    if (!request_.is_wrapped()) return std::nullopt;
    auto manifest = draft();
    manifest.encoding = format::Encoding::files;
    manifest.requirements = request_.requirements();
    note_settled(manifest);
    return keep_directory(std::move(*directory), manifest, began_at_ns);
}

Outcome Attempt::compile_into_directory(store::PrivateDirectory directory,
                                        const format::Manifest& manifest) {
    const auto began_at_ns = session_.system().clock.wall().count();
    if (compile_with(directory)) {
        session_.retain(store_, std::move(directory), manifest, std::nullopt);
        return Outcome::loaded;
    }
    return keep_directory(std::move(directory), manifest, began_at_ns);
}

Outcome Attempt::keep_directory(store::PrivateDirectory directory, const format::Manifest& manifest,
                                std::int64_t began_at_ns) {
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

tl::unexpected<Error> Attempt::refuse(std::string reason) {
    auto text = "not loaded, because " + reason + ":";
    record_refused(std::move(reason));
    return fail(Errc::not_found, std::move(text), called(),
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
