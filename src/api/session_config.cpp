#include "api/session_config.h"

#include <cstdlib>

#include "api/convert.h"

namespace larder::api {
namespace {

namespace cache = internal::cache;

cache::Mode internal_mode(Mode mode) {
    switch (mode) {
        case Mode::on: return cache::Mode::on;
        case Mode::read_only: return cache::Mode::read_only;
        case Mode::cache_only: return cache::Mode::cache_only;
        case Mode::refresh: return cache::Mode::refresh;
        case Mode::off: return cache::Mode::off;
    }
    return cache::Mode::off;
}

}  // namespace

cache::Config session_config(const Options& options) {
    cache::Config config;
    config.directory = options.directory.string();
    config.state_directory = options.state_directory.string();
    const char* const temporary = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
    const bool named = temporary != nullptr && *temporary != '\0';
    config.temporary_directory = named ? temporary : "/tmp";
    config.mode = internal_mode(options.mode);
    config.verify = verify_policy(options.verify);
    config.lock_timeout = options.lock_timeout;
    config.max_size = size_limit(options.max_size);
    config.min_free = size_limit(options.min_free);
    config.allow_world_writable = options.allow_world_writable;
    config.release_memory = options.release_memory;
    config.prefault = options.prefault == Prefault::automatic;
    return config;
}

}  // namespace larder::api
