// A larder opened for the exchange of entries, which needs more than the public library shows.
#pragma once

#include <memory>

#include "api/configuration.h"
#include "base/log.h"
#include "format/key.h"
#include "larder/options.hpp"
#include "os/system.h"
#include "state/state.h"
#include "store/store.h"

namespace larder::cli {

class OpenLarder {
public:
    // Makes the larder where it is absent and `access` is to write. Throws Error.
    OpenLarder(const Options& options, internal::store::Access access);

    [[nodiscard]] internal::store::Store& store() { return *store_; }
    [[nodiscard]] internal::state::State& state() { return state_; }
    [[nodiscard]] const api::Configuration& configuration() const { return configuration_; }
    [[nodiscard]] internal::os::System system() const { return system_.system(); }

private:
    internal::os::RealSystem system_;
    api::Configuration configuration_;
    std::unique_ptr<internal::Log> log_;
    internal::state::State state_;
    std::unique_ptr<internal::store::Store> store_;
};

}  // namespace larder::cli
