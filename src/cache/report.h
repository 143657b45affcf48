// What became of the models of a session, for those who ask whether larder does anything.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

#include "cache/request.h"
#include "store/flight.h"

namespace larder::internal::cache {

// Thread-safe.
class Report {
public:
    // `saved` is how much longer compiling took than loading did, if it did; 0 where nothing was
    // loaded.
    void add(Outcome outcome, std::chrono::milliseconds saved);
    // "3 models: 2 loaded, 1 compiled, 4.10 s saved", or "no time saved"; empty where there was
    // none.
    [[nodiscard]] std::string summary() const;

private:
    mutable std::mutex mutex_;
    std::array<std::size_t, 4> counts_{};  // by Outcome
    std::chrono::milliseconds saved_{0};
};

// "compiled", "loaded", "waited", "bypassed".
[[nodiscard]] const char* word(Outcome outcome);

// "process 1234 has been compiling it for 12.0 s".
[[nodiscard]] std::string describe(const store::FlightHolder& holder, std::chrono::nanoseconds now);

// "loaded in 31.0 ms; compiling took 44.0 ms". `compile_time` is of what was loaded; 0 if that is
// unknown.
[[nodiscard]] std::string describe(const Response& response,
                                   std::chrono::milliseconds compile_time);

}  // namespace larder::internal::cache
