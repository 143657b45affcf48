// What an entry is worth: the compile time that it is expected to save. Pure.
#pragma once

#include <cstdint>

namespace larder::internal::store {

// What is known of the requests for a key.
struct RequestHistory {
    std::int64_t last_ns = 0;      // since the epoch
    std::int64_t interval_ns = 0;  // between requests, of late; 0: there was one
};

// The history after another request.
[[nodiscard]] RequestHistory with_request(const RequestHistory& before, std::int64_t at_ns);

// Milliseconds of compile time that having the entry saves in each hour to come.
[[nodiscard]] double worth_of(std::uint64_t compile_ms, const RequestHistory& history,
                              std::int64_t now_ns);

// How far below the limit an eviction goes on: finding what goes means looking at every entry, so
// the more there are, the more go at once. A share of the limit.
[[nodiscard]] std::uint64_t slack_of(std::uint64_t limit_bytes, std::uint64_t entries);

}  // namespace larder::internal::store
