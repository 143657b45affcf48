// The storages that machines share (LARDER_REMOTE), as a program that larder serves uses them. It
// never reaches them itself: the program `larder` does, which the host does not notice
// (process/hidden_child.h). Its answer is one byte; all else goes through the larder and the state.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "format/key.h"
#include "os/system.h"
#include "process/hidden_child.h"
#include "state/state.h"

namespace larder::internal::cache {

struct TierConfig {
    std::vector<std::string> urls;  // in the order in which they are asked; none: no storages
    std::chrono::nanoseconds timeout{std::chrono::seconds(30)};  // for a storage to answer
    // For another machine that compiles the entry, as for a process of this one.
    std::chrono::nanoseconds lock_timeout{std::chrono::minutes(10)};
    bool sends = false;                    // entries to one of them at least
    std::string program;                   // larder's own; empty: it was not found
    std::vector<std::string> environment;  // of that program
    std::string state_directory;           // empty: nothing is sent
};

// The directory with a note for each entry of a larder that is to be sent; a note's name is the
// key. Files whose names begin with a dot are no notes.
[[nodiscard]] std::string send_queue(std::string_view state_directory, std::string_view larder_id);

// Thread-safe.
class Tiers {
public:
    Tiers(const os::System& system, TierConfig config)
        : system_(system), config_(std::move(config)) {}

    [[nodiscard]] bool are_there() const { return !config_.urls.empty(); }
    // The URLs, for messages.
    [[nodiscard]] std::string names() const;

    struct Fetch {
        std::string url;     // of the storage from which the entry came; empty: it was not fetched
        std::string reason;  // why not, if anybody can be told more than that it is not there
    };
    // Has the entry fetched into the larder. To be called with the compile lock of the key, so that
    // a machine fetches it once. Returns after TierConfig::timeout at the latest; but while another
    // machine shows that it compiles the entry, after both limits together. Returns at once if
    // every storage has failed several times. Warns once about what is wrong.
    [[nodiscard]] Fetch fetch(state::State& state, Log& log, const format::Key& key) const;

    // Has a published entry sent to the storages behind this process, and even after its end. Uses
    // files only, and does not wait for the transfer. An entry that could not be sent is sent with
    // a later one.
    [[nodiscard]] Result<void> send(const std::string& larder_id, const format::Key& key) const;

private:
    [[nodiscard]] bool all_rest(state::State& state) const;
    [[nodiscard]] process::HiddenCommand command(std::vector<std::string> words,
                                                 std::chrono::seconds lifetime) const;

    os::System system_;
    TierConfig config_;
};

}  // namespace larder::internal::cache
