#include "cache/keep_behind.h"

#include <algorithm>
#include <new>
#include <span>
#include <utility>

#include "model/fingerprint.h"
#include "model/memory_content.h"
#include "os/end_in_time.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr std::chrono::seconds k_delay_max{10};

tl::unexpected<Error> ended_early() {
    return fail(Errc::busy, "the program ended before that was done");
}

// Lets the runtime go on for no longer than it is wanted to.
class CancellableSink final : public runtime::BlobSink {
public:
    CancellableSink(runtime::BlobSink& sink, const std::atomic<bool>& is_cancelled)
        : sink_(sink), is_cancelled_(is_cancelled) {}
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        if (is_cancelled_) return ended_early();
        return sink_.write_at(offset, bytes);
    }

private:
    runtime::BlobSink& sink_;
    const std::atomic<bool>& is_cancelled_;
};

}  // namespace

KeepBehind::KeepBehind(Session& session, Work work)
    : session_(session),
      work_(std::move(work)),
      delay_max_(
          std::clamp<std::chrono::nanoseconds>(work_->compile_time, os::k_end_time, k_delay_max)) {}

bool KeepBehind::wait_until_exported(Time limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, limit, [&] { return is_exported_ || is_over_; });
}

void KeepBehind::work() {
    // Whatever is thrown: nobody waits for a lock that is of no use, or misses the memory.
    struct LetGo {
        KeepBehind& job;
        explicit LetGo(KeepBehind& of) : job(of) {}
        LetGo(const LetGo&) = delete;
        LetGo& operator=(const LetGo&) = delete;
        ~LetGo() {
            job.let_go_of_compiled();
            job.work_.reset();
        }
    };
    const LetGo at_the_end(*this);
    const auto kept = publish();
    let_go_of_compiled();
    auto& end = work_->end;
    note_kept(session_, end.store, kept, end.response, end.written_bytes);
    end.response.is_being_kept = false;
    remember(session_, end);
    report(session_, end);
    if (session_.config().release_memory) os::return_freed_memory();
}

Result<format::Manifest> KeepBehind::publish() {
    const auto start = session_.system().clock.monotonic();
    store::PartSource source;
    source.write = [this](store::StagedFile& file) { return write(file); };
    work_->publication.sources.push_back(std::move(source));
    Result<format::Manifest> kept = ended_early();
    try {
        if (!is_cancelled_) kept = work_->end.store->publish(work_->publication);
    } catch (const std::bad_alloc&) {
        kept = fail(
            Error::from_errno("cannot keep a model in", work_->end.store->directory(), ENOMEM));
    }
    auto& timing = work_->end.response.timing;
    timing.publish = session_.system().clock.monotonic() - start -
                     timing.export_blob.value_or(std::chrono::nanoseconds{0});
    return kept;
}

Result<void> KeepBehind::write(store::StagedFile& file) {
    // Asked for once more where the disk did not take it: by then nobody has it any more.
    if (!work_->compiled) return fail(Errc::io, "it could not be written the first time");
    auto& clock = session_.system().clock;
    const auto start = clock.monotonic();
    const auto write_to = [this](runtime::BlobSink& sink) {
        CancellableSink cancellable(sink, is_cancelled_);
        return work_->compiled->export_blob(cancellable);
    };
    auto done = export_blob(session_, work_->end.identified, work_->how, write_to, file,
                            work_->publication.manifest);
    // Before the memory of the model may be gone.
    if (done) done = confirm();
    work_->end.response.timing.export_blob = clock.monotonic() - start;
    let_go_of_compiled();
    return done;
}

Result<void> KeepBehind::confirm() const {
    const auto& identified = work_->end.identified;
    if (identified.files) return model::confirm_unchanged(session_.system(), *identified.files);
    if (!identified.weights) return {};
    const auto& weights = *identified.weights;
    if (auto same = model::confirm_unchanged(session_.system().fs, weights.files); !same) {
        return same;
    }
    return model::confirm_unchanged(weights.in_memory);
}

void KeepBehind::let_go_of_compiled() noexcept {
    if (work_->source_pages) work_->source_pages->drop();
    // The pages are the model's.
    work_->source_pages.reset();
    work_->compiled.reset();
    const std::lock_guard lock(mutex_);
    is_exported_ = true;
    changed_.notify_all();
}

}  // namespace larder::internal::cache
