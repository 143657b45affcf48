// One request, from start to end.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/blob/model_bytes.h"
#include "cache/blob/referring_blob.h"
#include "cache/entries/blame.h"
#include "cache/identify/key.h"
#include "cache/pages/source_pages.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "cache/sharing/weight_sharing.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// The note that holds runtime::Request::settled_properties.
inline constexpr const char* k_settled_note = "settled properties";

inline constexpr const char* k_first_miss = "it is not kept yet";

// After this many refusals by the runtime, no blob of a key is published again: the entry says so
// instead. Several are needed because the refusing process may be another build than the one that
// exported; a process that refuses what it has just exported always will.
inline constexpr std::uint64_t k_refusals_max = 2;

// Lives for one request, on one thread.
class Attempt {
public:
    Attempt(Session& session, runtime::Request& request, const ModelReference& model)
        : session_(session),
          request_(request),
          model_(model),
          meter_(session.config().progress, session.log()) {}

    // Errors: Errc::not_found in Mode::cache_only if there is no entry for the model; not_found,
    // damaged or invalid_argument for a model file that larder itself has to read; the errors of
    // merge_gguf_shards. In all other cases the request ends with a compiled model. Exceptions of
    // the runtime pass.
    [[nodiscard]] Result<Response> run();

private:
    // Tells whether this request holds the key's compile lock. Only then may it quarantine
    // anything: without it, that could hit an entry that another process has just published.
    enum class Locked { no, yes };

    [[nodiscard]] Result<Response> serve();
    [[nodiscard]] Result<Response> compile_and_keep();
    // Waits for the process that compiles the key now; after some seconds it says so.
    [[nodiscard]] Result<store::CompileLock> wait_for_compile();
    [[nodiscard]] Result<Response> serve_and_count();

    // Each returns the outcome of the request, or nothing if it goes on; `miss_` then says why.
    [[nodiscard]] std::optional<Outcome> load(Locked locked);
    [[nodiscard]] std::optional<Outcome> try_to_load(Locked locked);
    [[nodiscard]] std::optional<Outcome> load_blob(format::Manifest& manifest);
    // If the entry was replaced since it was found, `manifest` is set to the new one.
    [[nodiscard]] Result<store::MappedObject> open_blob(format::Manifest& manifest);
    [[nodiscard]] std::optional<Outcome> import_blob(const format::Manifest& manifest,
                                                     const store::MappedObject& object);
    // Decrypts the object with the program's callbacks.
    [[nodiscard]] Result<void> decrypt_blob(const format::Manifest& manifest,
                                            store::MappedObject& object);
    // To be called after an entry of other callbacks was found: goes on to the next key that the
    // program's callbacks may have. False if there is none.
    [[nodiscard]] bool try_next_key();
    // To be called after a miss, or an entry that another machine's device needs: goes on to the
    // next key, or back to the one to publish under.
    [[nodiscard]] bool try_next_machine();
    void ask_for_machine(unsigned machine);
    void share(std::unique_ptr<WeightSharing> sharing);
    // Sets up the kernel directory of the model that is imported next from `blob`. Returns the
    // trial of the kernels that the device gets from it, or null if there are none.
    [[nodiscard]] std::shared_ptr<OpenTrial> begin_kernels(const format::Manifest& blob);
    [[nodiscard]] std::optional<Outcome> load_files(const format::Manifest& manifest);
    [[nodiscard]] bool is_safe_to_try(const format::Manifest& manifest, Locked locked);
    [[nodiscard]] std::shared_ptr<OpenTrial> begin_trial(const Digest& object);
    // Tells whether the model crashes the same way when it is compiled: then no blob is to blame.
    [[nodiscard]] bool is_refuted(const Blame& blame);
    // Starts a trial of compiling in place of a blamed blob, which decides is_refuted. Null if no
    // blob is blamed.
    [[nodiscard]] std::shared_ptr<OpenTrial> begin_control();
    void watch(const std::shared_ptr<OpenTrial>& trial);

    // To be called before each method of the runtime that compiles.
    [[nodiscard]] Result<void> make_readable();
    // Reads the model and keeps its pages out of memory for as long as the result lives.
    [[nodiscard]] std::unique_ptr<SourcePages> read_model();
    // Publishes the compiled model; returns its manifest if that succeeded.
    [[nodiscard]] std::optional<format::Manifest> keep_blob();
    [[nodiscard]] Result<format::Manifest> publish_blob();
    void begin_publishing();
    // Everything but the source.
    [[nodiscard]] store::Publication draft_publication();
    // Exports the compiled model; `manifest` must outlive the result.
    [[nodiscard]] store::PartSource blob_source(format::Manifest& manifest);
    [[nodiscard]] Result<std::shared_ptr<store::WrittenPart>> write(
        const store::PartSource& source);
    // Exports the compiled model, and has it published behind the program. Returns the manifest if
    // it is published already, because there is no thread to be had.
    [[nodiscard]] std::optional<format::Manifest> publish_behind(store::CompileLock compile_lock);
    [[nodiscard]] bool may_be_published_behind();
    // Records in `manifest` why it holds the weights, if it does.
    [[nodiscard]] Result<void> export_into(store::StagedFile& file, format::Manifest& manifest);
    [[nodiscard]] std::vector<ModelSource> sources_to_refer_to(ModelBytes& model,
                                                               std::string& reason) const;
    [[nodiscard]] BlobUse use_of_blob() const;
    // Why what is kept may not refer to the model's own files; empty if it may.
    [[nodiscard]] std::string reason_to_keep_weights() const;
    // Publishes an empty object in the blob's place, so that the next start neither uses a blob nor
    // forgets why there is none.
    [[nodiscard]] Result<format::Manifest> withhold(std::string reason);
    // Replaces the compiled model, which takes far more memory, by an import of the blob that was
    // just published.
    [[nodiscard]] Result<void> exchange(const format::Manifest& kept);
    // Tells whether an import of the published blob is to replace the compiled model.
    [[nodiscard]] bool is_to_be_exchanged(const SourcePages* source_pages) const;
    // Tells whether the compiled model holds little but pages of the model's files, as an import
    // would: dropping them is enough.
    [[nodiscard]] bool is_lean(const format::Manifest& kept, const SourcePages* source_pages) const;
    [[nodiscard]] Result<void> confirm_model();
    // Looks for the same model under the key of its file, or of its graph, and publishes that entry
    // under this request's key, too. True if it did.
    [[nodiscard]] bool link_entry_of_file();
    [[nodiscard]] bool link_entry_of_graph();
    // `weights` are those in memory, if the other key is that of a graph.
    [[nodiscard]] bool link(const format::Key& other,
                            const model::MemoryContent* weights = nullptr);
    // Records the port names, unless the program encrypts: names reveal something about the model.
    void note_names(format::Manifest& manifest) const;
    void note_settled(format::Manifest& manifest) const;
    // With the runtime's own cache in `directory`. True if it came from there.
    [[nodiscard]] bool compile_with(const store::PrivateDirectory& directory);
    [[nodiscard]] Outcome compile_into_directory(store::PrivateDirectory directory,
                                                 const format::Manifest& manifest);
    // Compiles for a device that exports blobs. How the request ended where the runtime has put
    // another around it: its own files are kept then. Nothing where the blob is to be kept.
    [[nodiscard]] std::optional<Outcome> compile_wrapped();
    // Keeps what the runtime has left in `directory` since it began to compile.
    [[nodiscard]] Outcome keep_directory(store::PrivateDirectory directory,
                                         const format::Manifest& manifest,
                                         std::int64_t began_at_ns);
    [[nodiscard]] Result<format::Manifest> publish(const store::Publication& publication);
    void note_kept(const Result<format::Manifest>& kept);
    [[nodiscard]] format::Manifest draft();
    enum class Refused { when_exported, later };
    void note_refusal(Refused when);
    // Says why no blob of this key is published; empty if one may be.
    [[nodiscard]] std::string reason_to_withhold() const;
    void record(std::int64_t began_ns);
    void record_refused(std::string reason);
    [[nodiscard]] state::Event draft_event();
    // Drops the blob that was loaded if loading it gains nothing.
    void weigh(std::int64_t began_ns, std::int64_t ended_ns);
    void report();
    void begin(Stage stage, std::string detail = {}, std::uint64_t bytes_total = 0);
    // For people: its path, where it has one.
    [[nodiscard]] std::string called() const;
    // "model.xml on CPU".
    [[nodiscard]] std::string name() const;
    // The time saved against compiling; negative if loading took longer.
    [[nodiscard]] std::chrono::milliseconds saved() const;
    [[nodiscard]] runtime::StageTimes times() const;

    [[nodiscard]] Result<Response> finished(Outcome outcome);
    [[nodiscard]] Result<Response> bypass(std::string reason);
    [[nodiscard]] Result<Response> bypass_untouched(std::string reason);
    [[nodiscard]] tl::unexpected<Error> refuse(std::string reason);

    Session& session_;
    runtime::Request& request_;
    const ModelReference& model_;
    StageMeter meter_;
    std::shared_ptr<store::Store> store_;
    Identified identified_;
    NextModelPredictor::Asked asked_;
    Response response_;
    std::optional<process::ThreadMark> compiled_;  // around a compile whose import may be shared
    std::string miss_ = k_first_miss;
    std::optional<Digest> refused_;  // an object that the runtime did not accept
    std::string refusal_;            // its warning, logged once the model itself compiles
    Blame blame_;                    // of this key's objects
    bool is_innocent_ = false;       // the model crashes without the object in the same way
    std::uint64_t refusals_ = 0;     // how often the runtime refused a fresh export
    std::optional<std::chrono::nanoseconds> joining_;  // how long make_readable took
    unsigned encryption_number_ = 0;
    unsigned machine_ = 0;  // number_key
    std::optional<unsigned> free_machine_;
    enum class Found { other, nothing, of_other_machine };
    Found found_ = Found::other;              // by the last lookup
    bool is_refused_ = false;                 // the mode is cache-only, and it is a miss
    bool is_of_others_ = false;               // the entry found was encrypted by other callbacks
    std::optional<format::Manifest> loaded_;  // the entry
    bool lacks_weights_ = false;  // the entry found refers to files that this request lacks
    std::uint64_t written_bytes_ = 0;
};

}  // namespace larder::internal::cache
