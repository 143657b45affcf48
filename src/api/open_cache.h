// The part that the caches of both libraries have in common: the session that their requests share.
#pragma once

#include <memory>

#include "api/configuration.h"
#include "base/log.h"
#include "cache/attempt/serve.h"
#include "cache/session/session.h"
#include "larder/options.hpp"
#include "os/system.h"

namespace larder::api {

class OpenCache {
public:
    // Reads the environment and the configuration files. Never throws Error: if a setting cannot be
    // read, nothing is published and one warning names it.
    explicit OpenCache(Options options);
    OpenCache(const OpenCache&) = delete;
    OpenCache& operator=(const OpenCache&) = delete;
    // Takes at most os::k_end_time, whatever the disk does; if a compiled model is being published,
    // it waits for as long as that took to compile (PublishJob::delay_max). Work that is left then
    // continues on its own, without messages.
    ~OpenCache();

    // Throws Error with ErrorCode::miss if the mode forbids compiling after a miss, and all that
    // the request itself throws.
    [[nodiscard]] internal::cache::Response serve(internal::runtime::Request& request,
                                                  const internal::cache::ModelReference& model);

    // Waits until compiled models are published, and publishes what devices wrote after their
    // models were ready; has no time limit.
    void flush() {
        parts_->session->wait_for_published();
        parts_->session->keep_late_files();
    }

    [[nodiscard]] internal::os::System system() { return parts_->system.system(); }
    [[nodiscard]] internal::cache::Session& session() { return *parts_->session; }

private:
    // May outlive the cache.
    struct Parts {
        internal::os::RealSystem system;
        std::unique_ptr<internal::Log> log;
        std::unique_ptr<internal::cache::Session> session;
    };

    Configuration configuration_;
    std::shared_ptr<Parts> parts_;
};

}  // namespace larder::api
