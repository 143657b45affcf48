// Counts the outcomes of a session's requests, for users who ask whether larder has any effect.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

#include "cache/session/request.h"
#include "store/disk/compile_lock.h"

namespace larder::internal::cache {

// Thread-safe.
class Report {
public:
    // `saved` is how much longer compiling took than loading, if it did; 0 if nothing was loaded.
    void add(Outcome outcome, std::chrono::milliseconds saved);
    // Counts a request without a model, because the compile failed.
    void add_failed();
    // Counts a request without a model, because the mode is cache-only.
    void add_refused();
    // Returns "4 models: 2 loaded, 1 compiled, 1 failed, 4.10 s saved", or "no time saved"; empty
    // without requests.
    [[nodiscard]] std::string summary() const;

private:
    mutable std::mutex mutex_;
    std::array<std::size_t, 4> counts_{};  // by Outcome
    std::size_t failed_ = 0;
    std::size_t refused_ = 0;
    std::chrono::milliseconds saved_{0};
};

// Returns "process 1234 has been compiling it for 12.0 s".
[[nodiscard]] std::string describe(const store::CompileLockHolder& holder,
                                   std::chrono::nanoseconds now);

// Returns "loaded in 31.0 ms; compiling took 44.0 ms". `compile_time` is that of the loaded entry;
// 0 if unknown.
[[nodiscard]] std::string describe(const Response& response,
                                   std::chrono::milliseconds compile_time);

}  // namespace larder::internal::cache
