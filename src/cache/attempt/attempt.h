// One request while it is served: the facts that its steps share, and what a step may result in.
// Each step is a function that gets the Attempt and returns its own result.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "cache/attempt/objections.h"
#include "cache/identify/key.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "format/manifest.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// Lives for one request, on one thread.
struct Attempt {
    Attempt(Session& s, runtime::Request& r, const ModelReference& m)
        : session(s), request(r), model(m), meter(s.config().progress, s.log()) {}

    [[nodiscard]] const Config& config() const { return session.config(); }
    [[nodiscard]] Log& log() const { return session.log(); }
    [[nodiscard]] os::Clock& clock() const { return session.system().clock; }

    // To be called when the key is first known, and whenever the request goes on to another.
    void ask_for_key();
    // Errc::busy if the model's files may have changed between fingerprinting and compiling.
    [[nodiscard]] Result<void> confirm_model();
    // As those of the store. With too little memory, both fail, and nothing else is lost: the model
    // is compiled already.
    [[nodiscard]] Result<format::Manifest> publish(const store::Publication& publication);
    [[nodiscard]] Result<std::shared_ptr<store::WrittenPart>> write(const store::PartSource& part);
    // Begins a stage, for progress and the log.
    void begin(Stage stage, std::string detail = {}, std::uint64_t bytes_total = 0);
    // The runtime's own times. Joining a model's shards is a part of reading it.
    [[nodiscard]] runtime::StageTimes times() const;
    // The model for people: its path, where it has one.
    [[nodiscard]] std::string called() const;
    // "model.xml on CPU".
    [[nodiscard]] std::string name() const;

    Session& session;
    runtime::Request& request;
    const ModelReference& model;
    StageMeter meter;
    Timing timing;                                    // of the stages so far
    std::optional<std::chrono::nanoseconds> joining;  // of a model's shards
    std::shared_ptr<store::Store> store;              // null until it is open
    Identified identified;                            // its key is the one asked for now
    std::optional<NextModelPredictor::Asked> asked;   // absent until the key is known
    Objections objections;                            // to blobs of the key
    bool has_asked_tiers = false;                     // for an entry
    bool is_refused = false;                          // a miss, in Mode::cache_only
};

// How a request ended.
struct Served {
    Response response;                       // without key and times
    std::optional<format::Manifest> loaded;  // the entry, if one was loaded
    std::uint64_t written_bytes = 0;
};

// Why a request goes on without the entry of its key.
struct Miss {
    enum class Kind {
        nothing,             // there is no entry
        of_other_machine,    // there is one that another machine's device needs
        of_other_callbacks,  // there is one that was encrypted by other callbacks
        other,
    };
    Kind kind = Kind::other;
    std::string reason;          // empty if there is nothing to add to earlier ones
    bool lacks_weights = false;  // the entry refers to files that this request lacks

    // After another lookup: its kind counts, and its reason if it has one.
    void add(Miss next);
};

inline constexpr const char* k_first_miss = "it is not kept yet";

template <typename T>
using OrMiss = tl::expected<T, Miss>;

[[nodiscard]] inline tl::unexpected<Miss> miss(Miss::Kind kind, std::string reason = {}) {
    return tl::unexpected<Miss>(Miss{kind, std::move(reason)});
}

[[nodiscard]] inline tl::unexpected<Miss> miss(std::string reason) {
    return miss(Miss::Kind::other, std::move(reason));
}

// Tells whether this request holds the key's compile lock. Only then may it quarantine anything:
// without it, that could hit an entry that another process has just published.
enum class Locked { no, yes };

// The notes in an entry that hold runtime::Request::settled_properties, and the port names for its
// own kind of request.
inline constexpr const char* k_settled_note = "settled properties";
inline constexpr const char* k_ports_note = "port names";

}  // namespace larder::internal::cache
