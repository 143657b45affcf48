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

    // Throws Error, with ErrorCode::miss where the mode forbids to compile what is not kept; and
    // whatever the request itself throws.
    [[nodiscard]] internal::cache::Response serve(internal::runtime::Request& request,
                                                  const internal::cache::ModelReference& model);

    [[nodiscard]] internal::os::System system() { return system_.system(); }
    [[nodiscard]] internal::cache::Session& session() { return session_; }

private:
    internal::os::RealSystem system_;
    Configuration configuration_;
    std::unique_ptr<internal::Log> log_;
    internal::cache::Session session_;
};

}  // namespace larder::api
