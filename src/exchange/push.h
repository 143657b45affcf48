// From a larder into a shared storage.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "remote/signature.h"
#include "remote/tier.h"
#include "store/store.h"

namespace larder::internal::exchange {

// Bytes moved so far, and in all; false ends the work after the entry that is being moved.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

struct Moved {
    enum class State {
        moved,
        was_there,  // the other side had it already
        skipped,    // `reason` says why: nothing is wrong with either side
        failed,     // `reason` says why
    };

    format::Key key;
    std::string model;
    State state = State::moved;
    std::uint64_t bytes = 0;  // that were sent: what the other side had is not
    std::string reason;
    Errc code = Errc::io;  // of the error, where `state` is failed
};

struct Exchange {
    std::vector<Moved> entries;  // in the order of the work
    bool is_complete = true;     // it was not ended early
};

// Each entry is signed by `signing_key`, where there is one; the signatures of others stay. A
// failure of one entry affects no other entry; only the Error of a storage that cannot be written
// at all is returned.
[[nodiscard]] Result<Exchange> push(store::Store& store, remote::Tier& tier,
                                    std::span<const format::Key> keys,
                                    const remote::SigningKey* signing_key,
                                    const Progress& progress);

}  // namespace larder::internal::exchange
