#include "cache/keeping.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "os/background_thread.h"
#include "os/detached_thread.h"

namespace larder::internal::cache {
namespace {

// Copied within a millisecond or two: so long may the end of the reading be waited for.
constexpr std::size_t k_piece_bytes = std::size_t{4} << 20;
// Files that are written at once. Few cores are no reason for fewer: most of it is the disk's work.
constexpr unsigned k_writers = 4;
constexpr std::chrono::hours k_look_again{1};

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

KeepJob::KeepJob(Log& log, std::shared_ptr<store::Store> store, store::Flight flight,
                 store::Publication publication, std::vector<KeptBlock> blocks)
    : log_(log),
      store_(std::move(store)),
      flight_(std::move(flight)),
      publication_(std::move(publication)),
      blocks_(std::move(blocks)),
      unread_(blocks_.size()) {
    publication_.writers = k_writers;
    for (const auto& block : blocks_) {
        store::PartSource source;
        source.name = block.name;
        source.content = block.object;
        source.is_optional = true;
        source.write = [this, &block](store::StagedFile& file) { return copy(block, file); };
        source.check = [&block](os::File& file, const format::Part& part) -> Result<void> {
            // By now nobody but the disk is waited for.
            os::lower_priority();
            if (part.object == block.object) return {};
            return fail(Errc::damaged, "it is not what was to be kept:", file.path());
        };
        publication_.sources.push_back(std::move(source));
    }
}

void KeepJob::work() {
    const auto flight = std::exchange(flight_, std::nullopt);
    const auto published = store_->publish(publication_);
    if (!published) log_.debug("what could be shared is not kept: " + published.error().message());
}

Result<void> KeepJob::copy(const KeptBlock& block, store::StagedFile& file) {
    std::vector<std::byte> piece(k_piece_bytes);
    Result<void> written;
    for (std::size_t at = 0; at < block.pages.size() && written; at += piece.size()) {
        const auto bytes = std::min(piece.size(), block.pages.size() - at);
        {
            // Never held while anything is written: who stops the reading waits for no disk.
            const std::lock_guard lock(reading_);
            if (!may_read_) return fail(Errc::busy, "its model is in use by now");
            std::memcpy(piece.data(), block.pages.data() + at, bytes);
        }
        written = file.write_at(at, std::span(piece).first(bytes));
    }
    const std::lock_guard lock(mutex_);
    if (unread_ > 0) --unread_;
    changed_.notify_all();
    return written;
}

void KeepJob::wait_until_read(Time limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, limit, [&] { return unread_ == 0 || is_over_; });
}

void KeepJob::stop_reading() {
    const std::lock_guard lock(reading_);
    may_read_ = false;
}

void SettleJob::work() {
    os::lower_priority();
    for (auto& [file, pages] : mapped_) {
        const auto synced = file->sync();
        if (synced) continue;
        // The system still has what it could not write, until it needs the memory.
        const auto done = fs_.make_private(*file, pages);
        log_.warn_once("share", "memory that was shared is this process's own again: " +
                                    synced.error().message());
        if (!done) log_.warn_once("settle", done.error().message());
    }
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
    if (os::start_detached([job] { job->run(); })) return true;
    jobs_.pop_back();
    return false;
}

}  // namespace larder::internal::cache
