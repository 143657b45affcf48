// One request, from start to end.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cache/blame.h"
#include "cache/blob_export.h"
#include "cache/key.h"
#include "cache/request.h"
#include "cache/request_end.h"
#include "cache/session.h"
#include "cache/source_pages.h"
#include "cache/weight_sharing.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// The note of runtime::Request::settled_properties.
inline constexpr const char* k_settled_note = "settled properties";

inline constexpr const char* k_first_miss = "it is not kept yet";

// Lives for one request, on one thread.
class Attempt {
public:
    Attempt(Session& session, runtime::Request& request, const ModelReference& model)
        : session_(session), request_(request), model_(model) {}

    // Errc::not_found in Mode::cache_only, where the model is not kept; also not_found, damaged or
    // invalid_argument for a model file that larder itself has to understand; the errors of
    // join_shards. Nothing else is an error: the request then ends with a model compiled. The
    // runtime's own exceptions pass.
    [[nodiscard]] Result<Response> run();

private:
    // Whether this request holds the key's lock: only then may it set anything aside, so that
    // nobody's fresh work is taken for the old.
    enum class Locked { no, yes };

    [[nodiscard]] Result<Response> serve();
    [[nodiscard]] Result<Response> compile_and_keep();

    // Each returns how the request ended, or nothing where it goes on; `miss_` then says why.
    [[nodiscard]] std::optional<Outcome> load(Locked locked);
    [[nodiscard]] std::optional<Outcome> try_to_load(Locked locked);
    [[nodiscard]] std::optional<Outcome> load_blob(format::Manifest& manifest);
    // Where the entry was replaced since it was found, `manifest` is the new one.
    [[nodiscard]] Result<store::MappedObject> open_blob(format::Manifest& manifest);
    [[nodiscard]] std::optional<Outcome> import_blob(const format::Manifest& manifest,
                                                     const store::MappedObject& object);
    // The same, where the program encrypts it.
    [[nodiscard]] Result<void> decrypt_blob(const format::Manifest& manifest,
                                            store::MappedObject& object);
    // After an entry of other callbacks was found: the next of the keys that they may have. False
    // if there is none.
    [[nodiscard]] bool try_next_key();
    // The same after an entry that another machine's device needs, or none: it goes on to the next
    // key, or back to the one to be published under.
    [[nodiscard]] bool try_next_machine();
    void ask_for_machine(unsigned machine);
    void share(std::unique_ptr<WeightSharing> sharing);
    // Lets the model that is imported next keep its kernels beside `blob`. The trial of those that
    // it is given, if any.
    [[nodiscard]] std::shared_ptr<OpenTrial> begin_kernels(const format::Manifest& blob);
    [[nodiscard]] std::optional<Outcome> load_files(const format::Manifest& manifest);
    [[nodiscard]] bool is_safe_to_try(const format::Manifest& manifest, Locked locked);
    [[nodiscard]] std::shared_ptr<OpenTrial> begin_trial(const Digest& object);
    // Whether the model crashes the same way where it is compiled: then no blob is to blame.
    [[nodiscard]] bool is_refuted(const Blame& blame);
    // Around a compile in a blamed blob's place: finds that out. Null where none is blamed.
    [[nodiscard]] std::shared_ptr<OpenTrial> begin_control();
    void watch(const std::shared_ptr<OpenTrial>& trial);

    // To be called before each method of the runtime that compiles.
    [[nodiscard]] Result<void> make_readable();
    // The model is read, at little memory, for as long as what is returned lives.
    [[nodiscard]] std::unique_ptr<SourcePages> read_model();
    // What was kept, if it was.
    [[nodiscard]] std::optional<format::Manifest> keep_blob();
    [[nodiscard]] Result<format::Manifest> publish_blob();
    // All but the source. What is in there was asked of the request: it is not needed any more.
    [[nodiscard]] store::Publication draft_publication();
    [[nodiscard]] BlobExport how_to_export();
    // Why what is kept may not refer to the model's own files; empty if it may.
    [[nodiscard]] std::string reason_to_keep_weights() const;
    // Hands what was just compiled over to be kept behind the program, with the lock and the pages.
    // False, and nothing taken, where it has to be kept before the program gets it.
    [[nodiscard]] bool keep_behind(store::Flight& flight,
                                   std::unique_ptr<SourcePages>& source_pages);
    [[nodiscard]] bool may_be_kept_behind();
    // An empty object in its place, so that the next start neither trusts nor forgets.
    [[nodiscard]] Result<format::Manifest> withhold(std::string reason);
    // Whether the runtime refuses what was just exported, where that is quickly found out.
    [[nodiscard]] bool is_refused(const format::Manifest& kept);
    // Imports what was just kept, in place of what was compiled, which takes far more memory.
    [[nodiscard]] Result<void> exchange(const format::Manifest& kept);
    // Whether what is kept is to take the place of what was compiled.
    [[nodiscard]] bool is_to_be_exchanged(const SourcePages* source_pages) const;
    [[nodiscard]] Result<void> confirm_model();
    // Whether the same model was kept under the key of its file, or of its graph, and is now found
    // under this request's key, too.
    [[nodiscard]] bool link_entry_of_file();
    [[nodiscard]] bool link_entry_of_graph();
    // `weights` are those in memory, where the other key is that of a graph.
    [[nodiscard]] bool link(const format::Key& other,
                            const model::MemoryContent* weights = nullptr);
    // They tell of the model: none of an encrypted one.
    void note_names(format::Manifest& manifest) const;
    [[nodiscard]] Outcome compile_into_directory(store::PrivateDirectory directory,
                                                 const format::Manifest& manifest);
    [[nodiscard]] Result<format::Manifest> publish(const store::Publication& publication);
    void note_kept(const Result<format::Manifest>& kept);
    [[nodiscard]] format::Manifest draft();
    enum class Refused { when_exported, later };
    void note_refusal(Refused when);
    // Why a blob of this key is not kept again; empty if it is.
    [[nodiscard]] std::string reason_to_withhold() const;
    [[nodiscard]] RequestEnd end();
    // Where the blob that was loaded is of no use to anybody, it goes.
    void weigh(std::int64_t began_ns, std::int64_t ended_ns);
    // For people: its path, where it has one.
    [[nodiscard]] std::string called() const;
    // "model.xml on CPU".
    [[nodiscard]] std::string name() const;
    // How much sooner the model was there than by compiling it; less than nothing where it was not.
    [[nodiscard]] std::chrono::milliseconds saved() const;
    [[nodiscard]] runtime::StageTimes times() const;

    [[nodiscard]] Result<Response> finished(Outcome outcome);
    [[nodiscard]] Result<Response> bypass(std::string reason);
    [[nodiscard]] Result<Response> bypass_untouched(std::string reason);
    [[nodiscard]] tl::unexpected<Error> refuse(const std::string& reason) const;

    Session& session_;
    runtime::Request& request_;
    const ModelReference& model_;
    std::shared_ptr<store::Store> store_;
    Identified identified_;
    Pipeline::Asked asked_;
    Response response_;
    std::chrono::nanoseconds began_{0};       // by the monotonic clock
    std::optional<os::ThreadMark> compiled_;  // around a compile whose import may be shared
    std::string miss_ = k_first_miss;
    std::optional<Digest> refused_;  // an object that the runtime did not accept
    std::string refusal_;            // what is to be said of it, once the model itself compiles
    Blame blame_;                    // of this key's objects
    bool is_innocent_ = false;       // what crashes with the object does so without it, too
    std::uint64_t refusals_ = 0;     // how often the runtime refused one that it had just exported
    std::optional<std::chrono::nanoseconds> joining_;  // how long make_readable took
    unsigned encryption_number_ = 0;
    unsigned machine_ = 0;  // number_key
    std::optional<unsigned> free_machine_;
    enum class Found { other, nothing, of_other_machine };
    Found found_ = Found::other;              // by the last look
    bool is_of_others_ = false;               // what was found was encrypted by other callbacks
    std::optional<format::Manifest> loaded_;  // the entry
    bool lacks_weights_ = false;  // what was found refers to files that this request does not have
    std::uint64_t written_bytes_ = 0;
};

}  // namespace larder::internal::cache
