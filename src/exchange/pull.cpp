#include "exchange/pull.h"

#include <algorithm>
#include <utility>

#include "store/publish/publish.h"

namespace larder::internal::exchange {
namespace {

class Fetcher {
public:
    Fetcher(store::Store& store, remote::Tier& tier, const Progress& progress, std::uint64_t total)
        : store_(store), tier_(tier), progress_(progress), total_(total) {}

    Result<void> fetch(const format::Manifest& manifest, std::uint64_t& fetched) {
        store::Publication publication;
        publication.manifest = manifest;
        for (const auto& part : manifest.parts) {
            if (store_.has_object(part.object)) {
                publication.kept.push_back(part);
            } else {
                publication.sources.push_back(source_of(manifest, part));
                fetched += part.bytes;
            }
        }
        const auto published = store_.publish(publication);
        if (!published) return fail(published.error());
        return {};
    }
    [[nodiscard]] bool goes_on() const { return !progress_ || progress_(done_, total_); }

private:
    store::PartSource source_of(const format::Manifest& manifest, const format::Part& part) {
        store::PartSource source;
        source.name = part.name;
        const auto name = object_name(part.object);
        source.write = [this, name, part, manifest](store::StagedFile& file) -> Result<void> {
            std::uint64_t offset = 0;
            const auto take = [&](std::span<const std::byte> bytes) -> Result<void> {
                // A storage that lies shall not fill the disk.
                if (bytes.size() > part.bytes - offset) return too_long(name);
                if (auto done = file.write_at(offset, bytes); !done) return done;
                offset += bytes.size();
                done_ += bytes.size();
                static_cast<void>(goes_on());
                return {};
            };
            if (auto done = tier_.read(name, part.bytes, take); !done) return fail(done.error());
            if (format::has_blob_bytes(manifest.encoding)) {
                file.set_form({manifest.encoding, part.name, manifest.blob_bytes});
            }
            return {};
        };
        source.check = [this, name, part](os::File&, const format::Part& written) -> Result<void> {
            if (written == part) return {};
            return fail(Errc::damaged,
                        "its bytes differ from its digest:", tier_.url() + "/" + name,
                        "remove it there, and push it again");
        };
        return source;
    }
    [[nodiscard]] Result<void> too_long(const std::string& name) const {
        return fail(Errc::damaged, "longer than its entry says:", tier_.url() + "/" + name);
    }

    store::Store& store_;
    remote::Tier& tier_;
    const Progress& progress_;
    std::uint64_t done_ = 0;
    std::uint64_t total_;
};

bool is_kept(store::Store& store, const format::Manifest& manifest) {
    const auto found = store.find(manifest.key);
    return found.manifest && found.manifest->parts == manifest.parts &&
           std::ranges::all_of(manifest.parts,
                               [&](const auto& part) { return store.has_object(part.object); });
}

}  // namespace

std::optional<Moved> refused(const SharedEntryInfo& entry) {
    if (entry.refusal.empty()) return std::nullopt;
    Moved moved;
    moved.key = entry.key;
    moved.state = entry.is_damaged ? Moved::State::failed : Moved::State::skipped;
    moved.reason = entry.refusal;
    return moved;
}

Exchange pull(store::Store& store, remote::Tier& tier, std::span<const SharedEntryInfo> entries,
              const Progress& progress) {
    std::uint64_t total = 0;
    for (const auto& entry : entries) {
        if (!entry.refusal.empty()) continue;
        for (const auto& part : entry.manifest.parts) {
            if (!store.has_object(part.object)) total += part.bytes;
        }
    }
    Exchange exchange;
    Fetcher fetcher(store, tier, progress, total);
    for (const auto& entry : entries) {
        if (!fetcher.goes_on()) {
            exchange.is_complete = false;
            break;
        }
        if (auto refusal = refused(entry)) {
            exchange.entries.push_back(std::move(*refusal));
            continue;
        }
        Moved moved;
        moved.key = entry.key;
        moved.model = entry.manifest.model.path;
        if (is_kept(store, entry.manifest)) {
            moved.state = Moved::State::was_there;
        } else if (const auto done = fetcher.fetch(entry.manifest, moved.bytes); !done) {
            moved.state = Moved::State::failed;
            moved.bytes = 0;
            moved.reason = done.error().message();
            moved.code = done.error().code;
        }
        exchange.entries.push_back(std::move(moved));
    }
    return exchange;
}

}  // namespace larder::internal::exchange
