#include "store/flight.h"

#include <utility>

#include "store/context.h"
#include "store/locks.h"
#include "store/tmp_file.h"

namespace larder::internal::store {
namespace {

// A file system whose files have no lasting identity must not keep anybody here.
constexpr std::chrono::seconds k_reopening_max{1};

Result<std::unique_ptr<os::File>> open_lock(Context& context, const std::string& path) {
    auto& fs = context.fs();
    auto file = fs.open(path, os::OpenMode::create_or_open);
    if (file || file.error().code != Errc::not_found) return file;
    // Locks mean nothing after a power loss: their names need not last.
    auto made = fs.make_directory(os::parent_directory(path));
    if (!made && made.error().code == Errc::not_found) {
        if (auto restored = create_larder(context); !restored) return fail(restored.error());
        made = fs.make_directory(os::parent_directory(path));
    }
    if (!made && made.error().code != Errc::already_exists) return fail(std::move(made.error()));
    return fs.open(path, os::OpenMode::create_or_open);
}

}  // namespace

Flight::Flight(os::FileSystem& fs, std::unique_ptr<os::File> file,
               std::chrono::nanoseconds waited_for)
    : fs_(&fs), file_(std::move(file)), waited_for_(waited_for) {}

Flight& Flight::operator=(Flight&& other) noexcept {
    release();
    fs_ = other.fs_;
    file_ = std::move(other.file_);
    waited_for_ = other.waited_for_;
    ownership_ = other.ownership_;
    return *this;
}

Flight::~Flight() { release(); }

void Flight::release() noexcept {
    if (!file_) return;
    // Before the lock goes: whoever has the file open by then finds, once it has the lock, that
    // the name is gone or another's, and opens it again.
    if (ownership_.is_ours()) static_cast<void>(fs_->remove(file_->path()));
    file_.reset();
}

Result<Flight> take_flight(Context& context, const Key& key, std::chrono::nanoseconds timeout) {
    if (auto writable = require_writable(context); !writable) return fail(writable.error());
    auto& fs = context.fs();
    auto& clock = context.system.clock;
    const auto path = context.layout.lock(key);
    const auto start = clock.monotonic();
    Backoff backoff(clock);
    std::unique_ptr<os::File> file;
    bool waited = false;
    while (true) {
        if (!file) {
            auto opened = open_lock(context, path);
            if (!opened) return fail(std::move(opened.error()));
            file = std::move(*opened);
        }
        auto locked = file->try_lock();
        const auto elapsed = clock.monotonic() - start;
        if (locked) {
            const auto same = names(fs, path, *file);
            if (!same) return fail(same.error());
            if (*same) {
                // At least a tick, so that a wait is seen as one.
                const auto waited_for = waited ? std::max(elapsed, std::chrono::nanoseconds(1))
                                               : std::chrono::nanoseconds(0);
                return Flight(fs, std::move(file), waited_for);
            }
            // The holder we waited for has removed the file with its lock.
            file.reset();
            waited = true;
            if (elapsed < timeout + k_reopening_max) continue;
            return fail(Errc::timed_out, "its lock is removed again and again:", path);
        }
        if (locked.error().code != Errc::busy) return fail(std::move(locked.error()));
        waited = true;
        if (elapsed >= timeout) {
            return fail(Errc::timed_out,
                        "another process has been working on it for too long:", path);
        }
        backoff.sleep(timeout - elapsed);
    }
}

}  // namespace larder::internal::store
