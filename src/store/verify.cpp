// Reads everything that is kept.
#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "store/administration.h"
#include "store/context.h"
#include "store/listing.h"
#include "store/locks.h"
#include "store/lookup.h"
#include "store/objects.h"
#include "store/quarantine.h"

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

struct Job {
    std::optional<Key> key;
    Part part;
};

class Verification {
public:
    Verification(Context& context, const ProgressCallback& progress)
        : context_(context), callback_(progress), caller_(std::this_thread::get_id()) {}

    Result<VerifyReport> run(std::span<const Key> keys) {
        auto planned = keys.empty() ? plan_everything() : plan(keys);
        if (!planned) return fail(std::move(planned.error()));
        for (const auto& job : jobs_) progress_.bytes_total += job.part.bytes;
        for (const auto& job : jobs_) {
            check(job);
            if (cancelled_) break;
        }
        return std::move(report_);
    }

private:
    void add_finding(std::optional<Key> key, std::string path, Error error) {
        const auto kind = damage_kind(error);
        report_.findings.push_back({kind, key, std::move(path), std::move(error)});
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
            if (objects_.insert(part.object).second) jobs_.push_back({key, part});
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
        return for_each_file(context_, context_.layout.objects(),
                             [&](const std::string& directory, const os::DirectoryEntry& file) {
                                 add_unused(os::join(directory, file.name), file.name);
                                 return Continue::yes;
                             });
    }

    // An object that no entry uses (any more) is good or bad all the same.
    void add_unused(const std::string& path, const std::string& name) {
        const auto object = digest_in_name(name);
        if (!object || !objects_.insert(*object).second) return;
        const auto info = context_.fs().link_info(path);
        if (info) jobs_.push_back({{}, {{}, *object, info->stamp.size_bytes}});
    }

    void check(const Job& job) {
        const auto visit = [this](std::uint64_t, std::span<const std::byte> bytes) {
            return advance(bytes.size());
        };
        const auto opened = open_verified(context_, job.key, job.part, VerifyPolicy::always, visit);
        if (cancelled_) return;
        if (opened) {
            ++report_.objects;
            report_.bytes += job.part.bytes;
            return;
        }
        if (opened.error().code == Errc::not_found && !is_missed(job)) return;
        add_finding(job.key, context_.layout.object(job.part.object), opened.error());
    }

    // Whether an object that was not there ought to be: entries are removed and replaced meanwhile.
    bool is_missed(const Job& job) const {
        if (!job.key) return false;
        std::optional<Gate> gate;
        if (context_.access == Access::read_write) {
            // While it is held, no entry loses its objects.
            auto entered = Gate::enter(context_, os::LockMode::shared, k_gate_publish_timeout);
            if (entered) gate.emplace(std::move(*entered));
        }
        const auto manifest = read_manifest(context_, *job.key);
        if (!manifest) return false;
        const auto is_it = [&](const Part& part) { return part.object == job.part.object; };
        if (std::none_of(manifest->parts.begin(), manifest->parts.end(), is_it)) return false;
        const auto info = context_.fs().link_info(context_.layout.object(job.part.object));
        return !info && info.error().code == Errc::not_found;
    }

    Result<void> advance(std::uint64_t bytes) {
        bytes_done_ += bytes;
        if (callback_ && std::this_thread::get_id() == caller_) {
            progress_.bytes_done = bytes_done_;
            if (callback_(progress_) == Continue::no) cancelled_ = true;
        }
        if (cancelled_) return fail(Errc::busy, "cancelled");
        return {};
    }

    Context& context_;
    const ProgressCallback& callback_;
    std::thread::id caller_;
    VerifyReport report_;
    Progress progress_;
    std::atomic<std::uint64_t> bytes_done_{0};
    std::atomic<bool> cancelled_{false};
    std::vector<Job> jobs_;
    std::set<Digest> objects_;
};

}  // namespace

Result<VerifyReport> verify_entries(Context& context, std::span<const Key> keys,
                                    const ProgressCallback& progress) {
    return Verification(context, progress).run(keys);
}

}  // namespace larder::internal::store
