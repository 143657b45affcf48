#include "cache/session/keeping.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "os/background_thread.h"
#include "os/detached_thread.h"

namespace larder::internal::cache {
namespace {

// This much is copied within a millisecond or two, which is how long stop_reading may wait.
constexpr std::size_t k_written_at_once_bytes = std::size_t{4} << 20;
// Files that are written at once. Few cores are no reason for fewer: the disk does most of the
// work.
constexpr unsigned k_writers = 4;
constexpr std::chrono::hours k_look_again{1};
// A slow disk gets this much time; after that the process makes its pages private.
constexpr std::chrono::minutes k_publication_max{10};
constexpr std::chrono::milliseconds k_look_for_object{100};

}  // namespace

void BackgroundJob::run() {
    try {
        work();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): nobody waits for it
    }
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
}

bool BackgroundJob::wait_until_over(Time limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, limit, [&] { return is_over_; });
}

KeepJob::KeepJob(Log& log, std::shared_ptr<store::Store> store, store::CompileLock compile_lock,
                 store::Publication publication, std::vector<KeptBlock> blocks)
    : log_(log),
      store_(std::move(store)),
      compile_lock_(std::move(compile_lock)),
      publication_(std::move(publication)),
      blocks_(std::move(blocks)) {
    publication_.writers = k_writers;
    for (const auto& block : blocks_) {
        store::PartSource source;
        source.name = block.name;
        source.content = block.object;
        source.is_optional = true;
        source.write = [this, &block](store::StagedFile& file) { return copy(block, file); };
        source.check = [this, &block](os::File& file, const format::Part& part) -> Result<void> {
            // All blocks have been read: from here on only the disk is waited for.
            os::lower_priority();
            {
                const std::lock_guard lock(mutex_);
                has_read_ = true;
                changed_.notify_all();
            }
            if (part.object == block.object) return {};
            return fail(Errc::damaged,
                        "it differs from the memory that was to be stored:", file.path());
        };
        publication_.sources.push_back(std::move(source));
    }
}

void KeepJob::work() {
    const auto compile_lock = std::exchange(compile_lock_, std::nullopt);
    const auto published = store_->publish(publication_);
    if (!published)
        log_.debug("memory that could be shared is not stored: " + published.error().message());
}

Result<void> KeepJob::copy(const KeptBlock& block, store::StagedFile& file) {
    std::vector<std::byte> piece(k_written_at_once_bytes);
    Result<void> written;
    for (std::size_t at = 0; at < block.pages.size() && written; at += piece.size()) {
        const auto bytes = std::min(piece.size(), block.pages.size() - at);
        {
            // Never held during a write, so that stop_reading does not wait for a disk.
            const std::lock_guard lock(reading_);
            if (!may_read_) return fail(Errc::busy, "the program already uses the model");
            std::memcpy(piece.data(), block.pages.data() + at, bytes);
        }
        written = file.write_at(at, std::span(piece).first(bytes));
    }
    return written;
}

void KeepJob::wait_until_read(Time limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, limit, [&] { return has_read_ || is_over_; });
}

void KeepJob::stop_reading() {
    const std::lock_guard lock(reading_);
    may_read_ = false;
}

void SettleJob::work() {
    os::lower_priority();
    const auto limit = std::chrono::steady_clock::now() + k_publication_max;
    // Each step closes a descriptor.
    for (auto mapped = std::exchange(mapped_, {}); !mapped.empty(); mapped.pop_back()) {
        const auto published = wait_until_published(mapped.back(), limit);
        if (published) continue;
        make_private(mapped.back());
        log_.warn_once("share", "shared memory has become private to this process again: " +
                                    published.error().message());
    }
}

Result<void> SettleJob::wait_until_published(const Mapped& mapped, Time limit) const {
    if (auto synced = mapped.file->sync(); !synced) return synced;
    // The kernel reports a write error only once, perhaps to another process. The process that
    // writes the file has had it open from the beginning, and publishes it only if there was no
    // error.
    while (!store_->is_object(mapped.object, *mapped.file)) {
        const auto info = mapped.file->info();
        if (!info) return fail(info.error());
        if (info->links == 0 || std::chrono::steady_clock::now() >= limit) {
            return fail(Errc::io, "the file that it was shared through was not published:",
                        mapped.file->path());
        }
        std::this_thread::sleep_for(k_look_for_object);
    }
    return {};
}

void SettleJob::make_private(const Mapped& mapped) const {
    if (auto done = fs_.make_private(*mapped.file, mapped.pages); !done) {
        log_.warn_once("settle", done.error().message());
    }
}

void SettleJob::make_all_private() noexcept {
    for (const auto& mapped : mapped_) {
        try {
            make_private(mapped);
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the others count, too
        }
    }
    mapped_.clear();
}

Keeping::~Keeping() {
    const std::lock_guard lock(mutex_);
    for (const auto& job : jobs_) {
        while (!job->wait_until_over(std::chrono::steady_clock::now() + k_look_again)) {
        }
    }
}

bool Keeping::start(const std::shared_ptr<BackgroundJob>& job) {
    const std::lock_guard lock(mutex_);
    std::erase_if(jobs_, [](const auto& one) { return one->wait_until_over({}); });
    jobs_.push_back(job);
    try {
        if (os::start_detached([job] { job->run(); })) return true;
    } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): there is no thread either
    }
    jobs_.pop_back();
    return false;
}

}  // namespace larder::internal::cache
