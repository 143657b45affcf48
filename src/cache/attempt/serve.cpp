#include "cache/attempt/serve.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "cache/attempt/attempt.h"
#include "cache/attempt/compile.h"
#include "cache/attempt/fetch.h"
#include "cache/attempt/files.h"
#include "cache/attempt/keep.h"
#include "cache/attempt/keys.h"
#include "cache/attempt/link_entry.h"
#include "cache/attempt/load.h"
#include "cache/attempt/record.h"
#include "cache/attempt/replacement.h"
#include "cache/attempt/trials.h"
#include "cache/identify/sight.h"
#include "cache/session/report.h"
#include "cache/session/stopwatch.h"
#include "cache/sharing/weight_sharing.h"
#include "os/file_size_limit.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr std::chrono::seconds k_wait_in_silence{10};

// ── Identify ─────────────────────────────────────────────────────────────────────────────────────

// Why a request is served as if larder were not there.
struct Unserved {
    std::string reason;
    std::string warning;           // once the model is compiled; may be empty
    std::optional<Error> error{};  // instead, if nobody can compile the model
};

tl::unexpected<Unserved> unserved(std::string reason) {
    return tl::unexpected<Unserved>({std::move(reason), {}});
}

// Tells faults of the model from those of the machine or the moment; after the latter the model may
// still be compiled.
bool is_about_the_model(Errc code) {
    return code == Errc::not_found || code == Errc::damaged || code == Errc::invalid_argument;
}

Unserved unserved_for(const Attempt& attempt, Error fault) {
    Unserved result{fault.message(), {}};
    // If OpenVINO could not read the model either, its own exception comes before the warning.
    if (fault.code != Errc::unsupported) result.warning = "a model is not kept: " + result.reason;
    // A GGUF file is read by nobody before us: OpenVINO's path API does not know the format.
    const auto& model = attempt.model;
    if (model.origin == ModelOrigin::path && model.path.ends_with(".gguf") &&
        is_about_the_model(fault.code)) {
        result.error = std::move(fault);
    }
    return result;
}

tl::expected<void, Unserved> open_larder(Attempt& attempt) {
    const auto& unusable = attempt.config().unusable;
    if (!unusable.empty()) return unserved("larder cannot be used: " + unusable);
    if (attempt.config().mode == Mode::off) return unserved("larder is switched off");
    auto opened = attempt.session.store();
    if (!opened) {
        const auto fault = opened.error().message();
        attempt.log().warn_once("open", "models are not kept: " + fault);
        return unserved("larder cannot be used: " + fault);
    }
    attempt.store = std::move(*opened);
    return {};
}

tl::expected<void, Unserved> identify_model(Attempt& attempt) {
    auto identified = identify(attempt.session, attempt.request, attempt.model, attempt.timing);
    if (!identified) {
        return tl::unexpected(unserved_for(attempt, std::move(identified.error())));
    }
    attempt.identified = std::move(*identified);
    const auto caching = attempt.identified.caching;
    if (caching == runtime::Caching::none) return unserved(attempt.identified.reason);
    if (caching == runtime::Caching::directory && os::is_file_size_limited()) {
        // The runtime writes the files itself, on threads of its own, where FileSizeLimitGuard has
        // no effect.
        return unserved(
            "the size of files is limited (ulimit -f), which the device's own cache would exceed");
    }
    attempt.session.wait_for_published(attempt.identified.key);
    attempt.ask_for_key();
    return {};
}

Result<Served> serve_without_larder(Attempt& attempt, Unserved why) {
    if (why.error) return fail(std::move(*why.error));
    auto served = bypass_untouched(attempt, std::move(why.reason));
    if (served && !why.warning.empty()) attempt.log().warn_once("model", why.warning);
    return served;
}

// ── Compile ──────────────────────────────────────────────────────────────────────────────────────

// The compile lock of the key, or why this request goes on without it.
struct CompileTurn {
    Result<store::CompileLock> lock;
    bool others_compile = false;  // did, when this request asked for the lock first
};

// Waits for the process that compiles the key now; after some seconds it says so.
Result<store::CompileLock> wait_for_compile(Attempt& attempt) {
    auto& store = *attempt.store;
    const auto& key = attempt.identified.key;
    const auto describe_holder = [&] {
        const auto holder = store.compile_lock_holder(key);
        return holder ? describe(*holder, attempt.clock().wall())
                      : std::string("another process compiles it");
    };
    attempt.begin(Stage::waiting, describe_holder());
    const auto timeout = attempt.config().lock_timeout;
    const auto in_silence = std::min<std::chrono::nanoseconds>(k_wait_in_silence, timeout);
    auto lock = store.compile_lock(key, in_silence, attempt.name());
    if (lock || lock.error().code != Errc::timed_out || timeout == in_silence) return lock;
    attempt.log().warn_once("wait", attempt.name() + " waits: " + describe_holder() +
                                        "; LARDER_LOCK_TIMEOUT limits the wait");
    return store.compile_lock(key, timeout - in_silence, attempt.name());
}

CompileTurn take_turn(Attempt& attempt) {
    CompileTurn turn{attempt.store->compile_lock(attempt.identified.key,
                                                 std::chrono::nanoseconds{0}, attempt.name())};
    turn.others_compile = !turn.lock && turn.lock.error().code == Errc::timed_out;
    if (turn.others_compile) {
        const Stopwatch watch(attempt.clock(), attempt.timing.wait);
        turn.lock = wait_for_compile(attempt);
    }
    return turn;
}

// Two processes may now compile the same key: that wastes time and does no harm.
void go_on_without_lock(Attempt& attempt, const Error& fault, Miss& miss) {
    if (fault.code == Errc::timed_out) {
        miss.reason +=
            ", and another process has been compiling it for longer than the lock timeout";
    } else if (fault.code == Errc::busy) {
        miss.reason += ", and a signal ended the wait for the process that compiles it";
    } else {
        attempt.log().warn_once("lock", "cannot lock: " + fault.message());
    }
}

// Says more about a miss without any entry.
void explain_nothing(Attempt& attempt, Miss& miss) {
    if (miss.kind != Miss::Kind::nothing || miss.reason != k_first_miss) return;
    if (attempt.store->is_entry_set_aside(attempt.identified.key)) {
        miss.reason = k_set_aside;
    } else if (was_other(attempt.session, attempt.store->id(), attempt.identified)) {
        miss.reason = "its content has changed";
    }
}

// Compiles for a device that exports blobs, publishes the blob, and releases what the compile has
// left in memory.
Result<Served> compile_into_blob(Attempt& attempt, ReadableModel& model, const Miss& miss,
                                 std::optional<store::CompileLock> lock) {
    const auto control = begin_control(attempt);
    auto pages = read_model(attempt);
    Replacement replacement(attempt, pages.get());
    attempt.begin(Stage::compiling, "because " + miss.reason);
    if (auto wrapped = compile_wrapped(attempt, model, miss)) {
        watch(attempt.session, control);
        return std::move(*wrapped);
    }
    attempt.objections.warn(attempt.log());
    watch(attempt.session, control);
    Served served;
    served.response.outcome = Outcome::compiled;
    served.response.reason = miss.reason;
    const bool is_replaced = replacement.is_wanted();
    const bool is_behind = lock && !is_replaced && may_be_kept_behind(attempt);
    const auto kept = is_behind ? keep_blob_behind(attempt, served, miss, std::move(*lock))
                                : keep_blob(attempt, served, miss);
    // Other processes wait for the entry, which is published by now, and not for the import below.
    lock.reset();
    const bool is_replaced_now = kept && is_replaced && replacement.gives_memory_back(*kept);
    if (pages && !is_replaced_now) pages->drop();
    pages.reset();
    model.release();
    if (is_replaced_now) {
        if (auto done = replacement.run(*kept, served); !done) return fail(done.error());
    }
    if (attempt.config().release_memory != ReleaseMemory::off) os::return_freed_memory();
    return served;
}

// With the lock, if there is one: the model may have an entry under its other key.
Result<Served> link_or_compile(Attempt& attempt, Miss miss,
                               std::optional<store::CompileLock> lock) {
    if (lock && link_entry_of_file(attempt)) {
        auto served = load(attempt, Locked::yes);
        if (served) return std::move(*served);
        miss.add(std::move(served.error()));
    }
    auto model = ReadableModel::make(attempt);
    if (!model) return fail(std::move(model.error()));
    if (lock && link_entry_of_graph(attempt)) {
        auto served = load(attempt, Locked::yes);
        if (served) return std::move(*served);
        miss.add(std::move(served.error()));
    }
    explain_nothing(attempt, miss);
    return attempt.identified.caching == runtime::Caching::directory
               ? compile_into_files(attempt, *model, miss)
               : compile_into_blob(attempt, *model, miss, std::move(lock));
}

// One process compiles a key at a time. Those that waited load what it has published.
Result<Served> compile_or_wait(Attempt& attempt, Keys& keys, Miss miss) {
    while (true) {
        const auto presence = WeightSharing::announce(attempt.session, attempt.store,
                                                      attempt.identified, attempt.request);
        auto turn = take_turn(attempt);
        if (!turn.lock) {
            go_on_without_lock(attempt, turn.lock.error(), miss);
            return link_or_compile(attempt, std::move(miss), std::nullopt);
        }
        if (attempt.config().mode != Mode::refresh) {
            auto served = load(attempt, Locked::yes);
            if (served) {
                auto& outcome = served->response.outcome;
                if (outcome == Outcome::loaded && turn.others_compile) outcome = Outcome::waited;
                return std::move(*served);
            }
            miss.add(std::move(served.error()));
            if (auto fetched = fetch_and_load(attempt, miss, Locked::yes))
                return std::move(*fetched);
            // The entry was published meanwhile by a program with other callbacks. This program's
            // own will be published under the next key at the next request.
            if (miss.kind == Miss::Kind::of_other_callbacks) return bypass(attempt, miss.reason);
            // Machines that differ started at the same time.
            if (miss.kind == Miss::Kind::of_other_machine && keys.next_machine()) continue;
        }
        return link_or_compile(attempt, std::move(miss), std::move(*turn.lock));
    }
}

// ── All of it ────────────────────────────────────────────────────────────────────────────────────

Result<Served> serve_attempt(Attempt& attempt) {
    auto ready = open_larder(attempt);
    if (ready) ready = identify_model(attempt);
    if (!ready) return serve_without_larder(attempt, std::move(ready.error()));

    const auto mode = attempt.config().mode;
    Keys keys(attempt);
    Miss miss{Miss::Kind::other, "the mode is refresh: it is compiled again"};
    if (mode != Mode::refresh) {
        auto served = load_any(attempt, keys);
        if (served) return std::move(*served);
        miss = std::move(served.error());
    }
    if (mode == Mode::cache_only) {
        // Without the lock, which this mode does not take: several processes may fetch the same.
        if (auto fetched = fetch_and_load(attempt, miss, Locked::no)) return std::move(*fetched);
        return refuse(attempt, miss.reason);
    }
    if (miss.kind == Miss::Kind::of_other_callbacks) return bypass(attempt, miss.reason);
    if (mode == Mode::read_only) return bypass(attempt, miss.reason + ", and larder only reads");
    if (attempt.store->access() == store::Access::read_only) {
        const auto& why = attempt.store->read_only_reason();
        const auto text = why ? why->message() : "the larder is read-only";
        attempt.log().warn_once("read-only", "models are not kept: " + text);
        return bypass(attempt, miss.reason + ", and nothing can be kept: " + text);
    }
    return compile_or_wait(attempt, keys, std::move(miss));
}

// Counts requests that end without a model.
Result<Served> serve_and_count(Attempt& attempt) {
    try {
        auto served = serve_attempt(attempt);
        if (!served) {
            auto& report = attempt.session.report();
            attempt.is_refused ? report.add_refused() : report.add_failed();
        }
        return served;
    } catch (...) {
        attempt.session.report().add_failed();
        throw;
    }
}

}  // namespace

Result<Response> serve(Session& session, runtime::Request& request, const ModelReference& model) {
    Attempt attempt(session, request, model);
    const auto start = attempt.clock().monotonic();
    const auto began_ns = attempt.clock().wall().count();
    auto served = serve_and_count(attempt);
    if (!served) return fail(std::move(served.error()));
    auto& response = served->response;
    if (attempt.asked) response.key = attempt.identified.key.digest;
    response.timing = attempt.timing;
    const auto spent = attempt.times();
    response.timing.read_model = spent.read_model;
    response.timing.compile = spent.compile;
    response.timing.import = spent.import;
    response.timing.total = attempt.clock().monotonic() - start;
    record(attempt, *served, began_ns);
    report(attempt, *served);
    return std::move(response);
}

}  // namespace larder::internal::cache
