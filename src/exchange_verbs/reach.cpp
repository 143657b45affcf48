#include "exchange_verbs/reach.h"

#include "api/convert.h"
#include "cli/interruption.h"
#include "os/environment.h"

namespace larder::cli {

namespace remote = internal::remote;

std::unique_ptr<remote::Tier> open_storage(const internal::os::System& system,
                                           const remote::Address& address) {
    remote::TierOptions options;
    options.variables = internal::os::environment(remote::k_variable_prefixes);
    options.is_ended = [] { return Interruption::happened(); };
    return api::value_or_throw(remote::open_tier(system, address, options));
}

}  // namespace larder::cli
