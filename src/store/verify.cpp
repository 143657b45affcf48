#include "store/verify.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "store/disk/locks.h"
#include "store/disk/manifest_file.h"
#include "store/disk/walk.h"
#include "store/entries/listing.h"
#include "store/objects/objects.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {
namespace {

Damage damage_kind(const Error& error) {
    switch (error.code) {
        case Errc::damaged:
        case Errc::not_found: return Damage::damaged;
        case Errc::unsupported:
        case Errc::incompatible: return Damage::untrusted;
        case Errc::already_exists:
        case Errc::permission_denied:
        case Errc::read_only:
        case Errc::no_space:
        case Errc::too_many_files:
        case Errc::io:
        case Errc::timed_out:
        case Errc::busy:
        case Errc::invalid_argument: break;
    }
    return Damage::unreadable;
}

// How often verified objects are recorded in the journal.
constexpr auto k_note_every = std::chrono::seconds(1);
// Limits a sleep, so that a check can be ended soon.
constexpr std::chrono::nanoseconds k_nap_max = std::chrono::milliseconds(200);

struct Job {
    Part part;
    std::vector<Key> users;  // the entries that name the object; empty: none does (any more)
};

class Verification {
public:
    Verification(Context& context, const ProgressCallback& progress, const VerifyOptions& options)
        : context_(context),
          callback_(progress),
          options_(options),
          caller_(std::this_thread::get_id()),
          started_(context.system.clock.monotonic()),
          noted_(started_) {}

    Result<VerifyReport> run(std::span<const Key> keys) {
        auto planned = keys.empty() ? plan_everything() : plan(keys);
        if (!planned) return fail(std::move(planned.error()));
        VerifyJournal* const journal = keys.empty() ? options_.journal : nullptr;
        if (journal != nullptr) pass_over(journal->checked(context_.id));
        for (const auto& [object, job] : jobs_) progress_.bytes_total += job.part.bytes;
        for (const auto& [object, job] : jobs_) {
            check(job);
            if (cancelled_) break;
            if (journal != nullptr) note_whole(*journal);
        }
        report_.complete = !cancelled_;
        if (journal != nullptr && report_.complete) journal->forget_checked(context_.id);
        if (journal != nullptr && cancelled_) journal->note_checked(context_.id, whole_);
        return std::move(report_);
    }

private:
    void add_finding(std::optional<Key> key, std::string path, Error error,
                     std::optional<Manifest> manifest = {}) {
        const auto kind = damage_kind(error);
        report_.findings.push_back(
            {kind, key, std::move(manifest), std::move(path), std::move(error)});
    }

    void pass_over(const std::set<Digest>& checked) {
        report_.objects_before =
            std::erase_if(jobs_, [&](const auto& each) { return checked.contains(each.first); });
    }

    void note_whole(VerifyJournal& journal) {
        const auto now = context_.system.clock.monotonic();
        if (now - noted_ < k_note_every || whole_.empty()) return;
        noted_ = now;
        journal.note_checked(context_.id, whole_);
        whole_.clear();
    }

    void add_entry(const Key& key, const std::string& path, const Result<Manifest>& manifest) {
        ++report_.entries;
        if (!manifest) {
            if (manifest.error().code == Errc::damaged && context_.access == Access::read_write) {
                static_cast<void>(quarantine_manifest(context_, key));
            }
            add_finding(key, path, manifest.error());
            return;
        }
        for (const auto& part : manifest->parts) {
            auto& job = jobs_.try_emplace(part.object, Job{part, {}}).first->second;
            job.users.push_back(key);
        }
    }

    Result<void> plan(std::span<const Key> keys) {
        for (const auto& key : keys) {
            const auto manifest = read_manifest(context_, key);
            if (!manifest && manifest.error().code == Errc::not_found) {
                return fail(manifest.error());
            }
            add_entry(key, context_.layout.entry(key), manifest);
        }
        return {};
    }

    Result<void> plan_everything() {
        auto walked = for_each_entry(context_, [&](const ListedEntry& entry) {
            add_entry(entry.key, entry.path, entry.manifest);
            return Continue::yes;
        });
        if (!walked) return walked;
        // Directories are listed in parallel; two reports of one damage shall be alike.
        std::ranges::sort(report_.findings, {}, &Finding::path);
        for (auto& [object, job] : jobs_) std::ranges::sort(job.users);
        return for_each_file(context_, context_.layout.objects(),
                             [&](const std::string& directory, const os::DirectoryEntry& file) {
                                 add_unused(os::join(directory, file.name), file.name);
                                 return Continue::yes;
                             });
    }

    // Verifies an object that no entry uses (any more), too.
    void add_unused(const std::string& path, const std::string& name) {
        const auto object = digest_in_name(name);
        if (!object || jobs_.contains(*object)) return;
        const auto info = context_.fs().link_info(path);
        if (info) jobs_.emplace(*object, Job{{{}, *object, info->stamp.size_bytes}, {}});
    }

    void check(const Job& job) {
        const auto visit = [this](std::uint64_t, std::span<const std::byte> bytes) {
            return advance(bytes.size());
        };
        const auto key = job.users.empty() ? std::nullopt : std::optional(job.users.front());
        // Quarantines a damaged object at once, with its entry.
        const auto before = key ? manifest_of(*key) : std::nullopt;
        const auto opened = open_verified(context_, key, job.part, Verify::always, visit);
        if (cancelled_) return;
        if (opened) {
            ++report_.objects;
            report_.bytes += job.part.bytes;
            whole_.push_back(job.part.object);
            return;
        }
        const auto path = context_.layout.object(job.part.object);
        const bool gone = opened.error().code == Errc::not_found;
        if (!key && !gone) add_finding({}, path, opened.error());
        for (const auto& user : job.users) {
            if (gone && !is_missed(user, job.part.object)) continue;
            add_finding(user, path, opened.error(), user == *key ? before : manifest_of(user));
        }
    }

    std::optional<Manifest> manifest_of(const Key& key) const {
        auto manifest = read_manifest(context_, key);
        return manifest ? std::optional(std::move(*manifest)) : std::nullopt;
    }

    // Tells whether a missing object should exist: entries are removed and replaced meanwhile.
    bool is_missed(const Key& key, const Digest& object) const {
        std::optional<Gate> gate;
        if (context_.access == Access::read_write) {
            // While the gate is held, no entry loses its objects.
            auto entered = Gate::enter(context_, os::LockMode::shared, k_gate_publish_timeout);
            if (entered) gate.emplace(std::move(*entered));
        }
        const auto manifest = read_manifest(context_, key);
        if (!manifest) return false;
        const auto is_it = [&](const Part& part) { return part.object == object; };
        if (std::none_of(manifest->parts.begin(), manifest->parts.end(), is_it)) return false;
        const auto info = context_.fs().link_info(context_.layout.object(object));
        return !info && info.error().code == Errc::not_found;
    }

    Result<void> advance(std::uint64_t bytes) {
        const auto due = started_ + time_for(bytes_done_ += bytes);
        for (;;) {
            tell();
            if (cancelled_) return fail(Errc::busy, "cancelled");
            const auto left = due - context_.system.clock.monotonic();
            if (left.count() <= 0) return {};
            context_.system.clock.sleep(std::min(left, k_nap_max));
        }
    }

    void tell() {
        if (!callback_ || std::this_thread::get_id() != caller_) return;
        progress_.bytes_done = bytes_done_;
        if (callback_(progress_) == Continue::no) cancelled_ = true;
    }

    // The time that these bytes take at the highest allowed rate.
    std::chrono::nanoseconds time_for(std::uint64_t bytes) const {
        if (options_.bytes_per_second_max == 0) return {};
        const auto seconds =
            static_cast<double>(bytes) / static_cast<double>(options_.bytes_per_second_max);
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double>(seconds));
    }

    Context& context_;
    const ProgressCallback& callback_;
    VerifyOptions options_;
    std::thread::id caller_;
    std::chrono::nanoseconds started_;
    std::chrono::nanoseconds noted_;
    VerifyReport report_;
    Progress progress_;
    std::atomic<std::uint64_t> bytes_done_{0};
    std::atomic<bool> cancelled_{false};
    std::map<Digest, Job> jobs_;
    std::vector<Digest> whole_;  // not recorded yet
};

}  // namespace

Result<VerifyReport> verify_entries(Context& context, std::span<const Key> keys,
                                    const ProgressCallback& progress,
                                    const VerifyOptions& options) {
    return Verification(context, progress, options).run(keys);
}

}  // namespace larder::internal::store
