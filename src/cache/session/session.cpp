#include "cache/session/session.h"

#include <exception>
#include <utility>

namespace larder::internal::cache {

Session::Session(const os::System& system, Log& log, Config config)
    : system_(system),
      log_(log),
      config_(std::move(config)),
      state_(system, log, config_.state_directory),
      tiers_(std::make_shared<Tiers>(system, config_.tiers)),
      next_model_(system, state_) {}

Session::~Session() {
    // The report includes models that are being published.
    end_behind();
    // Reported before the rest, which may take longer than the process has to read messages.
    if (config_.report || log_.enabled(LogLevel::info)) {
        const auto summary = report_.get().summary();
        if (!summary.empty()) log_.answer(summary);
    }
    behind_.end();  // before those that its jobs use
    keeping_.end();
    {
        const std::lock_guard lock(presences_->mutex);
        presences_->list.clear();
    }
    keep_late_files();
}

void Session::keep_late_files() {
    kernels().keep();
    late_files().keep();
}

Result<std::shared_ptr<store::Store>> Session::store(store::Creation creation) {
    const std::lock_guard lock(mutex_);
    if (!store_) {
        const bool writes = config_.mode == Mode::on || config_.mode == Mode::refresh;
        store::OpenOptions options;
        options.directory = config_.directory;
        options.state_directory = config_.state_directory;
        options.max_size = config_.max_size;
        options.min_free = config_.min_free;
        options.history = &state_;
        options.creation = creation;
        using store::WorldWritable;
        options.world_writable =
            config_.allow_world_writable ? WorldWritable::allow : WorldWritable::refuse;
        options.access = writes ? store::Access::read_write : store::Access::read_only;
        auto opened = store::Store::open(system_, log_, state_, options);
        if (!opened) return fail(std::move(opened.error()));
        if ((*opened)->id().empty() && creation == store::Creation::never) {
            return std::shared_ptr<store::Store>(std::move(*opened));
        }
        store_ = std::move(*opened);
    }
    return store_;
}

void Session::lose(const std::shared_ptr<store::Store>& store) {
    const std::lock_guard lock(mutex_);
    if (store_ == store) store_.reset();
}

std::shared_ptr<const void> Session::keep(std::shared_ptr<store::Store> store,
                                          store::Presence presence) {
    const std::lock_guard lock(presences_->mutex);
    presences_->list.push_front({std::move(store), std::move(presence)});
    const auto* const kept = &presences_->list.front();
    return {kept, [presences = presences_](const Present* present) {
                const std::lock_guard lock_of_owner(presences->mutex);
                presences->list.remove_if([&](const Present& one) { return &one == present; });
            }};
}

std::set<std::string> Session::presence_paths() const {
    const std::lock_guard lock(presences_->mutex);
    std::set<std::string> paths;
    for (const auto& present : presences_->list) paths.insert(present.presence.path());
    return paths;
}

TrialWatch& Session::trials() {
    const std::lock_guard lock(mutex_);
    return trials_.get();
}

Report& Session::report() {
    const std::lock_guard lock(mutex_);
    return report_.get();
}

Keeping& Session::keeping() {
    const std::lock_guard lock(mutex_);
    return keeping_.get();
}

Behind& Session::behind() {
    const std::lock_guard lock(mutex_);
    return behind_.get();
}

PublishedSoon& Session::published_soon() {
    const std::lock_guard lock(mutex_);
    return published_soon_.get();
}

void Session::wait_for_published() {
    behind().wait();
    log_failed(behind());
    for (const auto& fault : published_soon().make_durable()) {
        log_.warn_once("durable", "a kept model may not survive a power cut: " + fault.message());
    }
}

void Session::wait_for_published(const format::Key& key) {
    if (auto* const own = own_behind()) own->wait_for(key, config_.lock_timeout);
}

Behind* Session::own_behind() {
    const std::lock_guard lock(mutex_);
    return behind_.find();
}

void Session::log_failed(Behind& behind) {
    for (const auto& job : behind.take_failed()) {
        const auto error = job->result().error();
        log_.warn_once("keep", "a model was compiled but not kept: " + error.message());
        if (error.code == Errc::not_found) lose(job->store());
    }
}

void Session::end_behind() noexcept try {
    auto* const own = own_behind();
    if (own == nullptr) return;
    const bool is_everything_published = own->end();
    log_failed(*own);
    if (is_everything_published) return;
    log_.warn_once("keep",
                   "a model was compiled but not kept: the program ended before it was "
                   "published");
} catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no memory to wait or to log
}

KernelKeeping& Session::kernels() {
    const std::lock_guard lock(mutex_);
    return kernels_.get();
}

LateFiles& Session::late_files() {
    const std::lock_guard lock(mutex_);
    return late_files_.get();
}

void Session::retain(std::shared_ptr<store::Store> store, store::PrivateDirectory directory,
                     format::Manifest manifest, std::optional<std::int64_t> began_at_ns) {
    late_files().retain(log_, std::move(store), std::move(directory), std::move(manifest),
                        began_at_ns);
}

}  // namespace larder::internal::cache
