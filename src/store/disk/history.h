// The records that the limit needs from one process to the next.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "store/disk/types.h"

namespace larder::internal::store {

// The requests for a key.
struct RequestHistory {
    std::int64_t last_ns = 0;      // since the epoch
    std::int64_t interval_ns = 0;  // between recent requests; 0: there was only one
};

// Returns the history after another request.
[[nodiscard]] RequestHistory with_request(const RequestHistory& before, std::int64_t at_ns);

// An entry that was evicted or pruned.
struct Eviction {
    Key key;
    std::uint64_t freed_bytes = 0;
    std::string reason;
    std::int64_t idle_ns = 0;  // since its last request
    std::int64_t age_ns = 0;   // since it was published
};

// Thread-safe; may forget at any time, and never fails its caller.
class History {
public:
    History() = default;
    History(const History&) = delete;
    History& operator=(const History&) = delete;
    virtual ~History() = default;

    // Returns the requests for every key that this machine requested, even if its entry is gone.
    [[nodiscard]] virtual std::map<Key, RequestHistory> requests(std::string_view larder_id) = 0;
    virtual void record(std::string_view larder_id, std::span<const Eviction> evictions) = 0;
    // Returns true to only one of all callers that ask about a topic within the interval.
    [[nodiscard]] virtual bool may_say(std::string_view larder_id, std::string_view topic,
                                       std::chrono::seconds interval) = 0;
};

}  // namespace larder::internal::store
