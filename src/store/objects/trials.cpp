#include "store/objects/trials.h"

#include <algorithm>
#include <utility>

#include "os/crash_marks.h"
#include "store/disk/context.h"
#include "store/disk/tmp_file.h"

namespace larder::internal::store {
namespace {

constexpr std::string_view k_proven = "proven";
constexpr int k_trial_attempts_max = 4;
// Neither a trial nor its outcome needs to survive power loss: nothing here is synced.
Result<void> make_trial_directory(Context& context, const Layout& layout,
                                  const std::string& directory) {
    auto& fs = context.fs();
    const auto make = [&] {
        auto made = fs.make_directory(directory);
        if (made || made.error().code != Errc::not_found) return made;
        made = fs.make_directory(os::parent_directory(directory));
        if (!made && made.error().code != Errc::already_exists) return made;
        return fs.make_directory(directory);
    };
    auto made = make();
    if (!made && made.error().code == Errc::not_found) {
        if (auto above = os::make_directories(fs, layout.trials()); !above) return above;
        made = make();
    }
    if (!made && made.error().code == Errc::already_exists) return {};
    return made;
}

// Counts the crash that a marker records. Removes a marker that is no longer relevant.
void look_at(Context& context, const std::string& path, CrashCount& count) {
    auto& fs = context.fs();
    const auto info = fs.link_info(path);
    if (!info) return;
    const auto crash = os::crash_in(info->mode);
    if (crash == 0) {
        sweep_file(context, path);
        return;
    }
    // The crash changed its mode last, which set the ctime.
    const auto at_ns = info->stamp.ctime_ns;
    if (context.system.clock.wall().count() - at_ns > k_crash_counts_ns) {
        static_cast<void>(fs.remove(path));
        return;
    }
    ++count.crashes;
    count.signals.emplace(os::name_of(crash));
    count.last_ns = std::max(count.last_ns, at_ns);
}

}  // namespace

Trial::Trial(os::FileSystem& fs, std::unique_ptr<os::File> file, std::string path)
    : fs_(&fs), file_(std::move(file)), path_(std::move(path)) {}

Trial& Trial::operator=(Trial&& other) noexcept {
    end();
    fs_ = other.fs_;
    file_ = std::move(other.file_);
    path_ = std::move(other.path_);
    ownership_ = other.ownership_;
    return *this;
}

Trial::~Trial() { end(); }

void Trial::end() noexcept {
    if (!file_) return;
    if (ownership_.is_ours()) static_cast<void>(fs_->remove(path_));
    file_.reset();
}

void Trial::note_loaded() noexcept {
    if (file_ && ownership_.is_ours()) file_->mark_on_crash(os::Crashes::faults);
}

Result<Trial> begin_trial(Context& context, const Digest& subject) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    auto& fs = context.fs();
    const auto directory = (*layout)->trials_of(subject);
    // Created elsewhere and moved: a marker must be locked by the time others can see it.
    auto tmp = TmpFile::create(context, **layout, "trial", {}, Readers::of_the_lock);
    if (!tmp) return fail(std::move(tmp.error()));
    const auto path = os::join(directory, make_owned_nonce(context));
    Result<void> moved;
    for (int attempt = 0; attempt < k_trial_attempts_max; ++attempt) {
        if (auto made = make_trial_directory(context, **layout, directory); !made) {
            return fail(std::move(made.error()));
        }
        moved = tmp->move_to(path);
        // Another process quarantines the object, and has removed the directory.
        if (moved || moved.error().code != Errc::not_found) break;
    }
    if (!moved) return fail(std::move(moved.error()));
    auto file = std::move(*tmp).release();
    file->mark_on_crash(os::Crashes::faults_and_aborts);
    return Trial(fs, std::move(file), path);
}

Result<CrashCount> count_crashes(Context& context, const Digest& subject) {
    CrashCount count;
    const auto layout = writable_layout(context);
    if (!layout) return count;
    auto& fs = context.fs();
    const auto directory = (*layout)->trials_of(subject);
    const auto entries = fs.list(directory);
    if (!entries) {
        if (entries.error().code == Errc::not_found) return count;
        return fail(entries.error());
    }
    for (const auto& entry : *entries) {
        if (entry.name != k_proven) look_at(context, os::join(directory, entry.name), count);
    }
    return count;
}

Result<void> mark_proven(Context& context, const Digest& object) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    const auto directory = (*layout)->trials_of(object);
    if (auto made = make_trial_directory(context, **layout, directory); !made) return made;
    const auto file =
        context.fs().open(os::join(directory, k_proven), os::OpenMode::create_or_open);
    if (!file) return fail(file.error());
    return {};
}

bool is_proven(Context& context, const Digest& object) {
    const auto is_marked = [&](const Layout& layout) {
        return context.fs().link_info(os::join(layout.trials_of(object), k_proven)).has_value();
    };
    return is_marked(context.layout) || (context.notes && is_marked(*context.notes));
}

void forget_trials(Context& context, const Digest& subject) noexcept {
    const auto layout = writable_layout(context);
    if (layout) static_cast<void>(os::remove_tree(context.fs(), (*layout)->trials_of(subject)));
}

}  // namespace larder::internal::store
