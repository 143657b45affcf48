// What all requests of one handle share.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/units.h"
#include "cache/behind.h"
#include "cache/keeping.h"
#include "cache/kernels.h"
#include "cache/late_files.h"
#include "cache/pipeline.h"
#include "cache/process_own.h"
#include "cache/report.h"
#include "cache/request.h"
#include "cache/trial_watch.h"
#include "os/fork_mutex.h"
#include "os/system.h"
#include "store/state.h"
#include "store/store.h"

namespace larder::internal::cache {

// Whether processes share what blobs are unpacked into.
enum class Share {
    automatic,  // where several use a model at once, or did
    on,
    off,
};

// What becomes of weights that lie in the model's own files.
enum class WeightsKept {
    // As `refer` where a load can map the files, unless they lie further away than the larder, or
    // in
    // memory.
    automatic,
    refer,  // only what the compiler made is kept
    keep,   // they are kept, too
};

// When what was compiled is kept.
enum class Publish {
    first,   // before it is handed out
    behind,  // once it is handed out, where that disturbs nobody
};

// When what was kept is imported in place of what was compiled, which takes more memory.
enum class Exchange {
    automatic,  // where memory is short
    always,
};

// Which blobs are kept.
enum class Keep {
    automatic,  // those that save time or memory
    all,
};

struct Config {
    std::string directory;
    std::string state_directory;
    std::string temporary_directory;  // where there is no larder to put files into; may be empty
    Mode mode = Mode::on;
    store::VerifyPolicy verify = store::VerifyPolicy::once;
    std::chrono::nanoseconds lock_timeout{std::chrono::minutes(10)};
    SizeLimit max_size{};  // of the larder; none: no limit
    SizeLimit min_free{};  // of its disk
    bool allow_world_writable = false;
    bool release_memory = true;            // as early as can be
    Exchange exchange = Exchange::always;  // with release_memory only
    Publish publish = Publish::first;
    bool prefault = true;  // what the runtime allocates for a large blob
    Share share = Share::off;
    WeightsKept weights = WeightsKept::automatic;
    Keep keep = Keep::all;
    // By how much a load may last longer so that others can share; none: as long as unpacking took.
    std::optional<std::chrono::nanoseconds> keep_limit{};
    bool report = false;   // says at the end of the session what became of its models
    std::string unusable;  // why nothing is to be kept or loaded; empty: there is no reason
};

// Thread-safe.
class Session {
public:
    // `system` and `log` must outlive the session.
    Session(const os::System& system, Log& log, Config config);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    // Reports, keeps what devices wrote beside their blobs meanwhile, ends every trial, and waits
    // for what is being published.
    ~Session();

    [[nodiscard]] const Config& config() const { return config_; }
    [[nodiscard]] const os::System& system() const { return system_; }
    [[nodiscard]] Log& log() { return log_; }
    [[nodiscard]] store::State& state() { return state_; }
    [[nodiscard]] TrialWatch& trials();
    [[nodiscard]] Keeping& keeping();
    [[nodiscard]] Behind& behind();
    [[nodiscard]] KernelKeeping& kernels();
    [[nodiscard]] LateFiles& late_files();
    [[nodiscard]] Pipeline& pipeline() { return pipeline_; }
    [[nodiscard]] Report& report();

    // The larder, opened on first use and again after it was lost.
    [[nodiscard]] Result<std::shared_ptr<store::Store>> store();
    // The directory vanished or is of no use any more: the next request opens it anew.
    void lose(const std::shared_ptr<store::Store>& store);

    // See LateFiles::retain. The directory lives until the session ends.
    void retain(std::shared_ptr<store::Store> store, store::PrivateDirectory directory,
                format::Manifest manifest, std::optional<std::int64_t> began_at_ns);

    // Waits until what is kept behind the program is kept.
    void wait_for_kept();
    // The same as far as it may delay the program's end: what takes longer is not kept. No thread
    // of this session uses the runtime any more once this returns.
    void end_behind() noexcept;

    // What devices have written to these directories, and to those of kernels, meanwhile.
    void keep_late_files();

    // Keeps a presence until what it returns is let go of, or the session ends: a model may outlive
    // that.
    [[nodiscard]] std::shared_ptr<const void> keep(std::shared_ptr<store::Store> store,
                                                   store::Presence presence);
    // Of all presences that are kept.
    [[nodiscard]] std::set<std::string> presence_paths() const;

private:
    struct Present {
        std::shared_ptr<store::Store> store;  // outlives the presence
        store::Presence presence;
    };
    struct Presences {
        std::mutex mutex;
        std::list<Present> list;
    };

    os::System system_;
    Log& log_;
    Config config_;
    store::State state_;
    os::ForkMutex mutex_;
    std::shared_ptr<store::Store> store_;
    std::shared_ptr<Presences> presences_ = std::make_shared<Presences>();
    Pipeline pipeline_;
    ProcessOwn<Report> report_;
    ProcessOwn<TrialWatch> trials_;  // its trials need the store
    ProcessOwn<KernelKeeping> kernels_;
    ProcessOwn<LateFiles> late_files_;  // a child does not touch what its parent's devices write
    ProcessOwn<Keeping> keeping_;       // ends first: it uses the state
    ProcessOwn<Behind> behind_;         // before that: it uses all of it
};

}  // namespace larder::internal::cache
