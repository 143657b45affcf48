#include "exchange_verbs/open_larder.h"

#include "api/convert.h"
#include "cli/failure.h"

namespace larder::cli {

namespace store = internal::store;

OpenLarder::OpenLarder(const Options& options, store::Access access)
    : configuration_(api::configure_or_switch_off(options)),
      log_(api::make_log(configuration_)),
      state_(system_.system(), *log_, configuration_.state_directory.string()) {
    if (!configuration_.unusable.empty()) throw CommandError({configuration_.unusable, {}});
    store_ = api::value_or_throw(store::Store::open(
        system_.system(), *log_, state_, api::open_options(configuration_, state_, access)));
    if (access == store::Access::read_write && store_->access() != access) {
        const auto& why = store_->read_only_reason();
        throw CommandError(
            {"cannot write to the larder: " + (why ? why->message() : "it is read-only"),
             "do this as a user, and on a machine, that can write there; or choose another larder "
             "with --dir"});
    }
}

}  // namespace larder::cli
