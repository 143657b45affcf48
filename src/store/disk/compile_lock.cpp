#include "store/disk/compile_lock.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "store/disk/creation.h"
#include "store/disk/locks.h"
#include "store/disk/tmp_file.h"
#include "store/disk/walk.h"

namespace larder::internal::store {
namespace {

// Limits reopening on a file system whose files have no lasting identity.
constexpr std::chrono::seconds k_reopening_max{1};

Result<std::unique_ptr<os::File>> open_lock(Context& context, const std::string& path) {
    auto& fs = context.fs();
    auto file = fs.open(path, os::OpenMode::create_or_open);
    if (file || file.error().code != Errc::not_found) return file;
    // Not synced: locks have no meaning after a power loss.
    auto made = fs.make_directory(os::parent_directory(path));
    if (!made && made.error().code == Errc::not_found) {
        if (auto restored = create_larder(context); !restored) return fail(restored.error());
        made = fs.make_directory(os::parent_directory(path));
    }
    if (!made && made.error().code != Errc::already_exists) return fail(std::move(made.error()));
    return fs.open(path, os::OpenMode::create_or_open);
}

// The file has one field in each line, the purpose last. A zero byte ends the text: behind it there
// may be the rest of a longer text of a process that died.
constexpr std::size_t k_holder_bytes_max = 8192;

// Only for messages to people: if it cannot be written, the lock is still valid.
void write_holder(const Context& context, os::File& file, std::string_view purpose) {
    auto text = std::to_string(os::current_process_id()) + "\n" + machine_mark(context) + "\n" +
                std::to_string(context.system.clock.wall().count()) + "\n";
    text.append(purpose.substr(0, k_holder_bytes_max / 2)).push_back('\0');
    static_cast<void>(file.write_at(0, std::as_bytes(std::span(text))));
}

std::optional<std::int64_t> number_of(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<CompileLockHolder> parse_holder(const Context& context, const Key& key,
                                              std::string_view text) {
    const auto end = text.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(0, end);
    const auto next = [&text] {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        return line;
    };
    const auto process = number_of(next());
    const auto machine = next();
    const auto since_ns = number_of(next());
    if (!process || !since_ns || text.empty()) return std::nullopt;
    return CompileLockHolder{key, *process, machine == machine_mark(context), *since_ns,
                             std::string(text)};
}

// Waiting processes have the lock's file open.
void add_waiting(const Context& context, std::vector<CompileLockHolder>& holders) {
    std::vector<os::FileIdentity> files;
    for (const auto& holder : holders) {
        const auto info = context.fs().info(context.layout.lock(holder.key));
        files.push_back(info ? os::FileIdentity{info->stamp.device, info->stamp.inode}
                             : os::FileIdentity{});
    }
    const auto users = os::read_users_of(files);
    for (std::size_t i = 0; i < holders.size(); ++i) {
        auto& holder = holders[i];
        const auto [begin, end] = users.equal_range(files[i]);
        for (auto user = begin; user != end; ++user) {
            const bool is_holder =
                holder.is_of_this_machine && user->second.process == holder.process;
            if (!is_holder) holder.waiting.push_back(user->second);
        }
        std::ranges::sort(holder.waiting, {}, &os::FileUser::started_at_ns);
    }
}

// Ends the wait for a lock if the program is asked to end: Python's handler of Ctrl-C only sets a
// flag, which the program sees once the call has returned. A profiler's timer runs a handler again
// and again, which means nothing.
class Interruption {
public:
    void note(std::chrono::nanoseconds now) {
        if (signals_++ == 0) first_ = now;
    }
    [[nodiscard]] bool ends_the_wait(std::chrono::nanoseconds now) const {
        return signals_ > 0 && signals_ <= k_signals_max && now - first_ >= k_watch_for;
    }

private:
    static constexpr std::chrono::milliseconds k_watch_for{500};
    static constexpr int k_signals_max = 3;

    int signals_ = 0;
    std::chrono::nanoseconds first_{0};
};

}  // namespace

CompileLock::CompileLock(os::FileSystem& fs, std::unique_ptr<os::File> file,
                         std::chrono::nanoseconds waited_for)
    : fs_(&fs), file_(std::move(file)), waited_for_(waited_for) {}

CompileLock& CompileLock::operator=(CompileLock&& other) noexcept {
    release();
    fs_ = other.fs_;
    file_ = std::move(other.file_);
    waited_for_ = other.waited_for_;
    ownership_ = other.ownership_;
    return *this;
}

CompileLock::~CompileLock() { release(); }

void CompileLock::release() noexcept {
    if (!file_) return;
    // Removed before the lock is released: a process that has the file open sees, once it gets the
    // lock, that the name is gone or another file's, and opens it again.
    if (ownership_.is_ours()) static_cast<void>(fs_->remove(file_->path()));
    file_.reset();
}

Result<CompileLock> take_compile_lock(Context& context, const Key& key,
                                      std::chrono::nanoseconds timeout, std::string_view purpose) {
    if (auto writable = require_writable(context); !writable) return fail(writable.error());
    auto& fs = context.fs();
    auto& clock = context.system.clock;
    const auto path = context.layout.lock(key);
    const auto start = clock.monotonic();
    Backoff backoff(clock);
    Interruption interruption;
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
                // At least one nanosecond, so that `waited()` is true.
                const auto waited_for = waited ? std::max(elapsed, std::chrono::nanoseconds(1))
                                               : std::chrono::nanoseconds(0);
                if (!purpose.empty()) write_holder(context, *file, purpose);
                return CompileLock(fs, std::move(file), waited_for);
            }
            // The previous holder has removed the file with its lock.
            file.reset();
            waited = true;
            if (elapsed < timeout + k_reopening_max) continue;
            return fail(Errc::timed_out, "other processes keep removing its lock:", path);
        }
        if (locked.error().code != Errc::busy) return fail(std::move(locked.error()));
        waited = true;
        if (elapsed >= timeout) {
            return fail(Errc::timed_out,
                        "timed out waiting for another process that works on it:", path);
        }
        if (interruption.ends_the_wait(elapsed)) {
            return fail(Errc::busy, "a signal ended the wait for another process:", path);
        }
        if (backoff.sleep(timeout - elapsed)) interruption.note(elapsed);
    }
}

bool is_compile_locked(const Context& context, const Key& key) {
    const auto file = context.fs().open(context.layout.lock(key), os::OpenMode::read);
    return file && (*file)->is_locked().value_or(false);
}

std::optional<CompileLockHolder> compile_lock_holder(const Context& context, const Key& key) {
    if (!is_compile_locked(context, key)) return std::nullopt;
    const auto text = os::read_text(context.fs(), context.layout.lock(key), k_holder_bytes_max);
    return text ? parse_holder(context, key, *text) : std::nullopt;
}

std::vector<CompileLockHolder> compile_lock_holders(const Context& context) {
    std::vector<CompileLockHolder> holders;
    const auto visit = [&](const std::string&, const os::DirectoryEntry& file) {
        const auto key = Key::from_hex(file.name);
        auto holder = key ? compile_lock_holder(context, *key) : std::nullopt;
        if (holder) holders.push_back(std::move(*holder));
        return Continue::yes;
    };
    // If the locks cannot be listed, no holder is reported.
    static_cast<void>(for_each_file(context, context.layout.locks(), visit));
    add_waiting(context, holders);
    return holders;
}

}  // namespace larder::internal::store
