#include "api/open_cache.h"

#include <cstdlib>
#include <utility>

#include "api/convert.h"
#include "api/tiers_config.h"
#include "os/end_in_time.h"

namespace larder::api {
namespace {

namespace cache = internal::cache;

cache::Config session_config(const internal::os::System& system, const Configuration& options) {
    cache::Config config;
    config.directory = options.directory.string();
    config.state_directory = options.state_directory.string();
    const char* const temporary = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
    const bool named = temporary != nullptr && *temporary != '\0';
    config.temporary_directory = named ? temporary : "/tmp";
    config.mode = options.mode;
    config.verify = options.verify;
    config.lock_timeout = options.lock_timeout;
    config.max_size = options.max_size;
    config.min_free = options.min_free;
    config.allow_world_writable = options.allow_world_writable;
    config.release_memory = options.release_memory;
    config.publish = options.publish;
    config.prefault = options.prefault == Prefault::automatic;
    config.share = options.share;
    config.weights = options.weights;
    config.keep = options.keep;
    config.tiers = tier_config(system, options);
    config.report = options.report;
    config.progress = options.progress;
    config.unusable = options.unusable;
    return config;
}

}  // namespace

OpenCache::OpenCache(Options options)
    : configuration_(configure_or_switch_off(std::move(options))),
      parts_(std::make_shared<Parts>()) {
    parts_->log = make_log(configuration_);
    parts_->session =
        std::make_unique<cache::Session>(parts_->system.system(), *parts_->log,
                                         session_config(parts_->system.system(), configuration_));
    const auto& unusable = configuration_.unusable;
    if (!unusable.empty()) parts_->log->warn("models are compiled without larder: " + unusable);
    for (const auto& notice : configuration_.notices) parts_->log->warn(notice);
}

OpenCache::~OpenCache() {
    parts_->session->end_behind();
    const bool has_ended = internal::os::end_in_time([parts = parts_] { parts->session.reset(); });
    if (!has_ended) parts_->log->mute();
}

cache::Response OpenCache::serve(internal::runtime::Request& request,
                                 const cache::ModelReference& model) {
    auto response = cache::serve(session(), request, model);
    if (response) return std::move(*response);
    const auto error = public_error(response.error());
    const bool missed = response.error().code == internal::Errc::not_found &&
                        configuration_.mode == Mode::cache_only;
    throw Error(missed ? ErrorCode::miss : error.code(), error.what(), error.remedy());
}

}  // namespace larder::api
