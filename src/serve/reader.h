// Reads the larder again whenever it changes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/json.h"
#include "larder/store.hpp"

namespace larder::serve {

// The state at one moment. Immutable.
struct Snapshot {
    std::uint64_t version = 0;  // changes whenever anything differs
    std::vector<EntryInfo> entries;
    cli::BytesByKey unique;  // refers to `entries`
    Stats stats;
    std::vector<Compiling> compiling;
    std::string entries_json;  // as `larder ls --json` prints it
    std::string stats_json;    // as `larder stats --json` prints it
    cli::Json overview;
    std::uint64_t damaged = 0;  // files quarantined since the first snapshot
};

// Thread-safe.
class Reader {
public:
    explicit Reader(const Options& options);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader();

    // Reads the larder, unless the last snapshot is younger than `age_max`. Throws Error.
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot(std::chrono::milliseconds age_max);

    // Reads repeatedly while `watched` returns true, and calls `changed` with new snapshots from a
    // thread of its own. Uses at most a twentieth of a core.
    void watch(std::function<bool()> watched, std::function<void(const Snapshot&)> changed);
    // Ends watch().
    void stop();
    // Reads at once, because the larder was changed.
    void look_now();

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] std::shared_ptr<Snapshot> read();
    [[nodiscard]] cli::Json findings(const Store& store, const std::vector<EntryInfo>& entries);
    void forget();
    void keep_watching(const std::function<bool()>& watched,
                       const std::function<void(const Snapshot&)>& changed);

    Options options_;
    std::mutex reading_;
    std::unique_ptr<Machine> machine_;
    bool asked_for_machine_ = false;
    std::shared_ptr<const Snapshot> last_;
    Clock::time_point read_at_;
    Clock::duration took_{};
    cli::Json findings_;
    std::optional<Clock::time_point> found_at_;

    std::mutex mutex_;
    std::condition_variable wake_;
    bool ending_ = false;
    bool now_ = false;
    std::thread watcher_;
};

}  // namespace larder::serve
