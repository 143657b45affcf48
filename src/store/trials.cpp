#include "store/trials.h"

#include <utility>

#include "store/context.h"
#include "store/tmp_file.h"

namespace larder::internal::store {
namespace {

constexpr std::string_view k_proven = "proven";
constexpr int k_trial_attempts_max = 4;
// Of a marker that could not be removed: its trial is over.
constexpr std::uint32_t k_ended_mode = 0400;
// Of one whose object is loaded and in use; nobody is to blame for its end but for a crash.
constexpr std::uint32_t k_loaded_mode = 0544;
constexpr std::uint32_t k_crashed_mode = 0744;

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

Result<bool> is_dead(os::FileSystem& fs, const std::string& path) {
    const auto file = fs.open(path, os::OpenMode::read);
    if (!file) {
        if (file.error().code == Errc::not_found) return false;
        return fail(file.error());
    }
    const auto locked = (*file)->is_locked();
    if (!locked) return fail(locked.error());
    if (*locked) return false;
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    if (info->mode == k_ended_mode) return false;
    if (info->mode == k_loaded_mode) {
        static_cast<void>(fs.remove(path));
        return false;
    }
    // One that ended between the opening and the look at its lock has no name any more.
    return names(fs, path, **file);
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
    // Before the lock goes: an unlocked marker is a dead trial.
    if (ownership_.is_ours() && !fs_->remove(path_)) {
        static_cast<void>(file_->set_mode(k_ended_mode));
    }
    file_.reset();
}

void Trial::note_loaded() noexcept {
    if (!file_ || !ownership_.is_ours()) return;
    file_->mark_on_crash(k_crashed_mode);
    static_cast<void>(file_->set_mode(k_loaded_mode));
}

Result<Trial> begin_trial(Context& context, const Digest& object) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    auto& fs = context.fs();
    const auto directory = (*layout)->trials_of(object);
    // Made elsewhere: a marker must be locked by the time others can see it.
    auto tmp = TmpFile::create(context, **layout, "trial");
    if (!tmp) return fail(std::move(tmp.error()));
    const auto path = os::join(directory, make_nonce(context));
    Result<void> moved;
    for (int attempt = 0; attempt < k_trial_attempts_max; ++attempt) {
        if (auto made = make_trial_directory(context, **layout, directory); !made) {
            return fail(std::move(made.error()));
        }
        moved = tmp->move_to(path);
        // Somebody sets the object aside, and has removed the directory.
        if (moved || moved.error().code != Errc::not_found) break;
    }
    if (!moved) return fail(std::move(moved.error()));
    return Trial(fs, std::move(*tmp).release(), path);
}

Result<std::uint64_t> dead_trials(Context& context, const Digest& object) {
    const auto layout = writable_layout(context);
    if (!layout) return 0;
    auto& fs = context.fs();
    const auto directory = (*layout)->trials_of(object);
    const auto entries = fs.list(directory);
    if (!entries) {
        if (entries.error().code == Errc::not_found) return 0;
        return fail(entries.error());
    }
    std::uint64_t count = 0;
    for (const auto& entry : *entries) {
        if (entry.name == k_proven) continue;
        const auto dead = is_dead(fs, os::join(directory, entry.name));
        if (!dead) return fail(dead.error());
        if (*dead) ++count;
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

void forget_trials(Context& context, const Digest& object) noexcept {
    const auto layout = writable_layout(context);
    if (layout) static_cast<void>(os::remove_tree(context.fs(), (*layout)->trials_of(object)));
}

}  // namespace larder::internal::store
