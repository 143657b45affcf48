// What a cache of either library holds: the session that its requests share.
#pragma once

#include <memory>

#include "api/configuration.h"
#include "base/log.h"
#include "cache/attempt.h"
#include "cache/session.h"
#include "larder/options.hpp"
#include "os/system.h"

namespace larder::api {

class OpenCache {
public:
    // Reads the environment and the configuration files. Never throws Error: with a setting that
    // cannot be read, nothing is kept, and one warning names it.
    explicit OpenCache(Options options);
    OpenCache(const OpenCache&) = delete;
    OpenCache& operator=(const OpenCache&) = delete;
    // Takes no longer than os::k_end_time, and as long as a model that is being kept took to
    // compile, whatever the disk does; what is left of its work then goes on by itself, in silence.
    ~OpenCache();

    // Throws Error, with ErrorCode::miss where the mode forbids to compile what is not kept; and
    // whatever the request itself throws.
    [[nodiscard]] internal::cache::Response serve(internal::runtime::Request& request,
                                                  const internal::cache::ModelReference& model);

    // Keeps what was compiled, and what devices wrote beside their models meanwhile; takes as long
    // as it takes.
    void flush() {
        parts_->session->wait_for_kept();
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
