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
    store::OpenOptions open;
    open.directory = configuration_.directory.string();
    open.state_directory = configuration_.state_directory.string();
    open.access = access;
    open.max_size = configuration_.max_size;
    open.min_free = configuration_.min_free;
    open.history = &state_;
    open.world_writable = configuration_.allow_world_writable ? store::WorldWritable::allow
                                                              : store::WorldWritable::refuse;
    store_ = api::value_or_throw(store::Store::open(system_.system(), *log_, state_, open));
    if (access == store::Access::read_write && store_->access() != access) {
        const auto& why = store_->read_only_reason();
        throw CommandError(
            {"cannot write to the larder: " + (why ? why->message() : "it is read-only"),
             "do this as a user, and on a machine, that can write there; or choose another larder "
             "with --dir"});
    }
}

}  // namespace larder::cli
