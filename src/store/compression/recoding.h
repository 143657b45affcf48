// Common parts of compressing and decompressing entries. Private to store/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/compile_lock.h"
#include "store/disk/context.h"
#include "store/entries/catalogue.h"
#include "store/publish/publish.h"

namespace larder::internal::store {

// Classifies an error of one entry, after which others may still be changed.
[[nodiscard]] Unchanged unchanged_by(const Error& error);

class Recoder {
public:
    Recoder(Context& context, DryRun dry_run, const ProgressCallback& progress)
        : context_(context), callback_(progress), dry_run_(dry_run) {}

    // Scans the larder. False if an entry that cannot be read may use any object: then no entry may
    // be changed.
    [[nodiscard]] Result<bool> begin();
    [[nodiscard]] Catalogue& catalogue() { return catalogue_; }
    [[nodiscard]] Context& context() { return context_; }
    [[nodiscard]] bool is_dry_run() const { return dry_run_ == DryRun::yes; }

    // Returns the present size on disk of an object with its chunk list.
    [[nodiscard]] std::uint64_t disk_bytes(const Digest& object) const;

    // Takes the compile lock of each key, without waiting. Errc::timed_out if another process holds
    // one.
    [[nodiscard]] Result<std::vector<CompileLock>> take_compile_locks(const std::vector<Key>& keys);
    // Publishes `manifest`, which differs from `before` in its encoding alone, in its place, unless
    // that was changed meanwhile. Only `users` may use the object of `before`.
    [[nodiscard]] Result<Manifest> replace(Publication publication, const Manifest& before,
                                           const std::optional<std::set<Key>>& users, bool shrinks);

    // Counts bytes of blobs as done; false: the caller wants to end.
    [[nodiscard]] bool advance(std::uint64_t bytes);
    void expect(std::uint64_t bytes) { progress_.bytes_total += bytes; }
    [[nodiscard]] bool ended() const { return !report_.complete; }
    [[nodiscard]] Recoding& report() { return report_; }

private:
    [[nodiscard]] Result<std::vector<Digest>> confirm(const Manifest& before,
                                                      const std::optional<std::set<Key>>& users);

    Context& context_;
    const ProgressCallback& callback_;
    DryRun dry_run_;
    Catalogue catalogue_;
    Progress progress_;
    Recoding report_;
};

}  // namespace larder::internal::store
