#include "api/configuration.h"

#include <utility>

namespace larder::api {
namespace {

// Defaults for when no setting could be read: nothing is written and nothing is shared.
constexpr auto k_mode = Mode::read_only;
constexpr std::chrono::seconds k_lock_timeout{600};
constexpr std::chrono::seconds k_remote_timeout{30};

}  // namespace

Configuration::Configuration(Options options)
    : directory(std::move(options.directory)),
      state_directory(std::move(options.state_directory)),
      mode(options.mode.value_or(k_mode)),
      verify(options.verify.value_or(Verify::always)),
      max_size(options.max_size.value_or(SizeLimit{})),
      min_free(options.min_free.value_or(SizeLimit{})),
      allow_world_writable(options.allow_world_writable.value_or(false)),
      lock_timeout(options.lock_timeout.value_or(k_lock_timeout)),
      release_memory(options.release_memory.value_or(ReleaseMemory::off)),
      publish(options.publish.value_or(Publish::first)),
      report(options.report.value_or(false)),
      prefault(options.prefault.value_or(Prefault::off)),
      share(options.share.value_or(Share::off)),
      weights(options.weights.value_or(Weights::keep)),
      keep(options.keep.value_or(Keep::all)),
      remote(options.remote.value_or(std::vector<std::string>{})),
      remote_timeout(options.remote_timeout.value_or(k_remote_timeout)),
      trusted_keys(options.trusted_keys.value_or(std::vector<std::filesystem::path>{})),
      signing_key(options.signing_key.value_or(std::filesystem::path{})),
      log_level(options.log_level.value_or(LogLevel::warn)),
      log_sink(std::move(options.log_sink)),
      progress(std::move(options.progress)) {}

std::string explanation(const Error& error) {
    return std::string(error.what()) + (error.remedy().empty() ? "" : ": " + error.remedy());
}

}  // namespace larder::api
