// Converts between the public types and the internal ones.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/configuration.h"
#include "base/log.h"
#include "base/result.h"
#include "larder/error.hpp"
#include "larder/options.hpp"
#include "larder/store.hpp"
#include "state/state.h"
#include "store/disk/compile_lock.h"
#include "store/disk/types.h"
#include "store/store.h"

namespace larder::api {

[[nodiscard]] Error public_error(const internal::Error& error);
[[noreturn]] void throw_public(const internal::Error& error);

// Returns the value, or throws the error.
template <typename T>
[[nodiscard]] T value_or_throw(internal::Result<T> result) {
    if (!result) throw_public(result.error());
    return std::move(*result);
}
inline void value_or_throw(internal::Result<void> result) {
    if (!result) throw_public(result.error());
}

[[nodiscard]] std::unique_ptr<internal::Log> make_log(const Configuration& configuration);
// `history` must outlive the store.
[[nodiscard]] internal::store::OpenOptions open_options(const Configuration& configuration,
                                                        internal::store::History& history,
                                                        internal::store::Access access);
[[nodiscard]] std::chrono::system_clock::time_point time_point(std::int64_t since_epoch_ns);

void add(Stats::Outcomes& sum, const internal::state::EventSum& events);

// The storages that this machine has used.
[[nodiscard]] std::vector<Stats::Remote> remotes(internal::state::State& state);

[[nodiscard]] Compiling compiling(const internal::store::CompileLockHolder& holder);

// Returns HOME, or if that is not set the home directory in /etc/passwd, as services and cron jobs
// often have no HOME; empty if neither is an absolute path.
[[nodiscard]] std::filesystem::path home_directory();

// `options` with the default directories filled in.
[[nodiscard]] Options with_defaults(Options options);

}  // namespace larder::api
