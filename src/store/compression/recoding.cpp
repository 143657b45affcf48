#include "store/compression/recoding.h"

#include <algorithm>
#include <utility>

#include "store/disk/manifest_file.h"

namespace larder::internal::store {

Unchanged unchanged_by(const Error& error) {
    // busy: it is another entry now; timed_out: another process has its compile lock.
    const bool is_busy =
        error.code == Errc::busy || error.code == Errc::timed_out || error.code == Errc::not_found;
    return is_busy ? Unchanged::busy : Unchanged::failed;
}

Result<bool> Recoder::begin() {
    if (!is_dry_run()) {
        if (auto writable = require_writable(context_); !writable) return fail(writable.error());
    }
    if (auto scanned = catalogue_.scan(context_); !scanned) return fail(std::move(scanned.error()));
    if (!catalogue_.complete()) report_.held_back = catalogue_.unreadable();
    return catalogue_.complete();
}

std::uint64_t Recoder::disk_bytes(const Digest& object) const {
    std::uint64_t bytes = 0;
    for (const auto& path : {context_.layout.object(object), context_.layout.chunks(object)}) {
        if (const auto info = context_.fs().link_info(path)) bytes += info->allocated_bytes;
    }
    return bytes;
}

Result<std::vector<CompileLock>> Recoder::take_compile_locks(const std::vector<Key>& keys) {
    std::vector<CompileLock> compile_locks;
    for (const auto& key : keys) {
        auto compile_lock = take_compile_lock(context_, key, std::chrono::nanoseconds(0));
        if (!compile_lock) return fail(std::move(compile_lock.error()));
        compile_locks.push_back(std::move(*compile_lock));
    }
    return compile_locks;
}

Result<Manifest> Recoder::replace(Publication publication, const Manifest& before,
                                  const std::optional<std::set<Key>>& users, bool shrinks) {
    publication.replaces = Replacement{[&] { return confirm(before, users); }, shrinks};
    return publish(context_, publication);
}

// Called behind the exclusive gate: its findings stay valid until the names are given.
Result<std::vector<Digest>> Recoder::confirm(const Manifest& before,
                                             const std::optional<std::set<Key>>& users) {
    const auto now = read_manifest(context_, before.key);
    if (!now) return fail(now.error());
    if (*now != before) {
        return fail(Errc::busy,
                    "it was replaced in the meantime:", context_.layout.entry(before.key));
    }
    if (auto scanned = catalogue_.scan(context_); !scanned) return fail(std::move(scanned.error()));
    if (!catalogue_.complete()) {
        return fail(Errc::busy,
                    "an entry that cannot be read may use it:", catalogue_.unreadable());
    }
    const auto& object = before.own_part().object;
    bool is_used = false;
    for (const auto* const entry : catalogue_.entries()) {
        if (entry->key == before.key || std::find(entry->objects.begin(), entry->objects.end(),
                                                  object) == entry->objects.end()) {
            continue;
        }
        is_used = true;
        if (users && !users->contains(entry->key)) {
            return fail(Errc::busy,
                        "another entry uses it now:", context_.layout.entry(entry->key));
        }
    }
    return is_used ? std::vector<Digest>{} : std::vector{object};
}

bool Recoder::advance(std::uint64_t bytes) {
    progress_.bytes_done += bytes;
    if (callback_ && callback_(progress_) == Continue::no) report_.complete = false;
    return report_.complete;
}

}  // namespace larder::internal::store
