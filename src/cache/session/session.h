// The parts that all requests of one handle share.
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
#include "cache/ahead/next_model.h"
#include "cache/entries/kernels.h"
#include "cache/entries/late_files.h"
#include "cache/session/behind.h"
#include "cache/session/keeping.h"
#include "cache/session/process_own.h"
#include "cache/session/progress.h"
#include "cache/session/published_soon.h"
#include "cache/session/report.h"
#include "cache/session/request.h"
#include "cache/session/trial_watch.h"
#include "cache/tiers/tiers.h"
#include "larder/options.hpp"
#include "os/system.h"
#include "state/state.h"
#include "store/store.h"

namespace larder::internal::cache {

using larder::Keep;
using larder::Publish;
using larder::ReleaseMemory;
using larder::Share;
using larder::Weights;

struct Config {
    std::string directory;
    std::string state_directory;
    std::string temporary_directory;  // for files if there is no larder; may be empty
    Mode mode = Mode::on;
    store::Verify verify = store::Verify::once;
    std::chrono::nanoseconds lock_timeout{std::chrono::minutes(10)};
    SizeLimit max_size{};  // of the larder; none: no limit
    SizeLimit min_free{};  // of its disk
    bool allow_world_writable = false;
    ReleaseMemory release_memory = ReleaseMemory::on;
    Publish publish = Publish::first;
    bool prefault = true;  // of the memory that the runtime allocates for a large blob
    Share share = Share::off;
    Weights weights = Weights::automatic;
    Keep keep = Keep::all;
    // How much longer a load may take so that other processes can share; absent: as long as
    // unpacking.
    std::optional<std::chrono::nanoseconds> keep_limit{};
    // Share::automatic judges by it; absent: the memory that is available to this process.
    std::optional<std::uint64_t> available_memory_bytes{};
    TierConfig tiers{};       // the storages that machines share
    bool report = false;      // says at the end of the session what became of its models
    ProgressSink progress{};  // hears of every request's stages; may be empty
    std::string unusable;     // why nothing is to be kept or loaded; empty: there is no reason
};

// Thread-safe.
class Session {
public:
    // `system` and `log` must outlive the session.
    Session(const os::System& system, Log& log, Config config);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    // Reports, publishes what devices wrote after their models were ready, ends every trial, and
    // waits for running publications.
    ~Session();

    [[nodiscard]] const Config& config() const { return config_; }
    [[nodiscard]] const os::System& system() const { return system_; }
    [[nodiscard]] Log& log() { return log_; }
    [[nodiscard]] state::State& state() { return state_; }
    [[nodiscard]] TrialWatch& trials();
    [[nodiscard]] Keeping& keeping();
    [[nodiscard]] Behind& behind();
    [[nodiscard]] PublishedSoon& published_soon();
    [[nodiscard]] KernelKeeping& kernels();
    [[nodiscard]] LateFiles& late_files();
    [[nodiscard]] const std::shared_ptr<const Tiers>& tiers() const { return tiers_; }
    [[nodiscard]] NextModelPredictor& next_model() { return next_model_; }
    [[nodiscard]] Report& report();

    // Returns the larder, opened on first use and again after `lose`. With Creation::never a larder
    // that does not exist yet is empty, and created by a later request.
    [[nodiscard]] Result<std::shared_ptr<store::Store>> store(
        store::Creation creation = store::Creation::when_absent);
    // Drops a larder whose directory vanished or became unusable: the next request opens it again.
    void lose(const std::shared_ptr<store::Store>& store);

    // See LateFiles::retain. The directory lives until the session ends.
    void retain(std::shared_ptr<store::Store> store, store::PrivateDirectory directory,
                format::Manifest manifest, std::optional<std::int64_t> began_at_ns);

    // Waits until all models that are published behind the program are published, and all that were
    // published survive a power cut; no time limit.
    void wait_for_published();
    // The same for the model of one key, at most for Config::lock_timeout: a request of this
    // process then finds the entry.
    void wait_for_published(const format::Key& key);
    // Waits for them at most as long as they may delay the program's end (PublishJob::delay_max),
    // and drops those that have not begun by then.
    void end_behind() noexcept;

    // Publishes the files that devices have written to these directories, and to those of kernels.
    void keep_late_files();

    // Holds a presence until the result is released or the session ends, whichever is first: a
    // model may outlive the session.
    [[nodiscard]] std::shared_ptr<const void> keep(std::shared_ptr<store::Store> store,
                                                   store::Presence presence);
    // The paths of all presences that are held.
    [[nodiscard]] std::set<std::string> presence_paths() const;

private:
    // Null if there is none in this process.
    [[nodiscard]] Behind* own_behind();
    void log_failed(Behind& behind);

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
    state::State state_;
    std::shared_ptr<const Tiers> tiers_;  // jobs may outlive the session
    std::mutex mutex_;
    std::shared_ptr<store::Store> store_;
    std::shared_ptr<Presences> presences_ = std::make_shared<Presences>();
    NextModelPredictor next_model_;
    ProcessOwn<Report> report_;
    ProcessOwn<TrialWatch> trials_;  // its trials need the store
    ProcessOwn<KernelKeeping> kernels_;
    ProcessOwn<LateFiles> late_files_;  // a child leaves those of its parent alone
    ProcessOwn<PublishedSoon> published_soon_;
    ProcessOwn<Keeping> keeping_;  // ends first: it uses the state
    ProcessOwn<Behind> behind_;    // ends before all others: it uses them
};

}  // namespace larder::internal::cache
