#include "store/publish/publish.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/parallel.h"
#include "format/chunk_list.h"
#include "store/disk/content.h"
#include "store/disk/context.h"
#include "store/disk/locks.h"
#include "store/disk/manifest_file.h"
#include "store/disk/tmp_file.h"
#include "store/disk/write_hasher.h"
#include "store/limit/account.h"
#include "store/limit/eviction.h"
#include "store/limit/removal.h"
#include "store/publish/durability.h"
#include "store/references/family.h"

namespace larder::internal::store {

struct WrittenPart::Impl {
    TmpFile file;
    std::optional<StagedFile::Form> form;
    KnownChunks known;
};

namespace {

constexpr std::uint32_t k_object_mode = 0444;

struct StagedPart {
    Part part;
    TmpFile file;
    std::optional<TmpFile> chunks;
    bool named = false;
    std::optional<StagedFile::Form> form{};
};

// Tells whether a second attempt with a new file may help. A failure of the source itself is final.
enum class Fault { final, sync };
struct StageError {
    Error error;
    Fault fault = Fault::final;
};

std::uint64_t limit_of_one(const Context& context) {
    const auto limit = limit_bytes(context);
    return limit == 0 ? std::numeric_limits<std::uint64_t>::max() : limit;
}

std::optional<TmpFile> write_chunk_list(Context& context, std::uint64_t total_bytes,
                                        std::vector<Digest> chunks) {
    if (chunks.size() < 2) return {};
    const auto bytes = format::encode_chunk_list({total_bytes, std::move(chunks)});
    auto tmp = TmpFile::create(context, context.layout, "chunks");
    // A chunk list is optional, and verified when it is used: it may be absent, or lost in a crash.
    if (!tmp || !tmp->file().write_at(0, bytes)) return {};
    if (!tmp->file().set_mode(k_object_mode)) return {};
    return std::move(*tmp);
}

using Written = WrittenPart::Impl;

Result<Written> write_source(Context& context, const PartSource& source) {
    auto tmp = TmpFile::create(context, context.layout, staged_kind(source.content));
    if (!tmp) return fail(std::move(tmp.error()));
    std::optional<WriteHasher> hasher;
    // Blocks of memory, whose digests are known, are copied by several threads in the background.
    if (!source.content && worker_threads() > 1) hasher.emplace(tmp->file());
    StagedFile staged(tmp->file(), limit_of_one(context), hasher ? &*hasher : nullptr);
    if (auto done = source.write(staged); !done) return fail(std::move(done.error()));
    return Written{std::move(*tmp), staged.form(), hasher ? hasher->finish() : KnownChunks{}};
}

tl::expected<StagedPart, StageError> make_ready(Context& context, const PartSource& source,
                                                Written written, Durability durability) {
    const auto final = [](Error error) {
        return tl::unexpected(StageError{std::move(error), Fault::final});
    };
    auto& file = written.file.file();
    const auto info = file.info();
    if (!info) return final(info.error());
    const auto bytes = info->stamp.size_bytes;
    // The disk writes while the file is hashed.
    if (durability == Durability::at_once) file.begin_sync();
    auto content = hash_file(file, bytes, context.threads, {}, written.known);
    if (!content) return final(std::move(content.error()));
    const Part part{written.form ? written.form->part : source.name, content->digest, bytes};
    if (source.check) {
        if (auto done = source.check(file, part); !done) return final(std::move(done.error()));
    }
    if (auto done = file.set_mode(k_object_mode); !done) return final(std::move(done.error()));
    // C2: before it gets its name, so that a name never stands for bytes that are lost.
    if (durability == Durability::at_once) {
        if (auto done = file.sync(); !done) {
            return tl::unexpected(StageError{std::move(done.error()), Fault::sync});
        }
    }
    // Parts whose digest is known beforehand get no chunk list, which saves a descriptor: they are
    // compared in full when they are used.
    auto chunks = source.content ? std::optional<TmpFile>{}
                                 : write_chunk_list(context, bytes, std::move(content->chunks));
    return StagedPart{part, std::move(written.file), std::move(chunks), false,
                      std::move(written.form)};
}

// `written` holds what the source has written.
Result<StagedPart> stage(Context& context, const PartSource& source, Written written,
                         Durability durability) {
    auto staged = make_ready(context, source, std::move(written), durability);
    if (staged) return std::move(*staged);
    if (staged.error().fault == Fault::final) return fail(std::move(staged.error().error));
    // After a failed sync the kernel may have dropped the pages, and would report success for a
    // second sync of the same file: everything is written anew to another file.
    context.log.debug("written anew: " + staged.error().error.message());
    auto anew = write_source(context, source);
    if (!anew) return fail(std::move(anew.error()));
    auto second = make_ready(context, source, std::move(*anew), durability);
    if (!second) return fail(std::move(second.error().error));
    return std::move(*second);
}

Result<TmpFile> stage_manifest(Context& context, const Manifest& manifest, Durability durability) {
    const auto text = format::encode_manifest(manifest);
    if (!text) return fail(text.error());
    for (int attempt = 0;; ++attempt) {
        auto tmp = TmpFile::create(context, context.layout, "entry");
        if (!tmp) return tmp;
        auto done = tmp->file().write_at(0, std::as_bytes(std::span(*text)));
        if (!done) return fail(std::move(done.error()));
        if (durability == Durability::soon) return tmp;
        done = tmp->file().sync();
        if (done) return tmp;
        if (attempt > 0) return fail(std::move(done.error()));
    }
}

// All that gets names at once.
struct Naming {
    const Manifest& manifest;
    const std::vector<Part>& kept;
    std::vector<StagedPart>& parts;
    TmpFile& entry;
    Durability durability;
    std::vector<Part> replaced{};  // parts of the entry whose name it took
};

Result<void> check_kept(Context& context, const Naming& naming) {
    for (const auto& part : naming.kept) {
        const auto info = context.fs().info(context.layout.object(part.object));
        if (!info) return fail(info.error());
        if (info->stamp.size_bytes != part.bytes) {
            return fail(Errc::damaged,
                        "the object has another size:", context.layout.object(part.object));
        }
        if (naming.durability == Durability::soon) continue;
        if (auto synced = sync_if_small(context, part); !synced) return synced;
    }
    return {};
}

Result<void> ready_directory(os::FileSystem& fs, const std::string& path, Durability durability) {
    if (durability == Durability::soon) {
        const auto made = fs.make_directory(path);
        if (made || made.error().code == Errc::already_exists) return {};
    }
    return ensure_directory(fs, path);
}

Result<void> name_objects(Context& context, const Naming& naming) {
    auto& fs = context.fs();
    std::set<std::string> directories;
    for (auto& staged : naming.parts) {
        const auto path = context.layout.object(staged.part.object);
        const auto directory = os::parent_directory(path);
        if (auto made = ready_directory(fs, directory, naming.durability); !made) return made;
        directories.insert(directory);
        // C3: a file that is replaced has the same bytes, or is damaged.
        if (auto moved = staged.file.move_to(path); !moved) return moved;
        staged.named = true;
        if (staged.chunks) {
            static_cast<void>(staged.chunks->move_to(context.layout.chunks(staged.part.object)));
        }
    }
    if (naming.durability == Durability::soon) return {};
    for (const auto& directory : directories) {
        // C4: before the entry, so that an entry never names an object that is lost.
        if (auto synced = fs.sync_directory(directory); !synced) return synced;
    }
    return {};
}

// The objects that are in `old` and not in `manifest`.
std::vector<Digest> left_over(const std::vector<Part>& old, const Manifest& manifest) {
    std::vector<Digest> objects;
    for (const auto& part : old) {
        const auto is_it = [&](const Part& other) { return other.object == part.object; };
        if (std::none_of(manifest.parts.begin(), manifest.parts.end(), is_it)) {
            objects.push_back(part.object);
        }
    }
    return objects;
}

// The size on disk of the files that did not get their names.
std::uint64_t unnamed_bytes(const Context& context, const Naming& naming) {
    std::uint64_t bytes = 0;
    const auto add = [&](TmpFile& file) {
        if (const auto info = file.file().info()) bytes += info->allocated_bytes;
    };
    for (auto& staged : naming.parts) {
        if (staged.named) continue;
        add(staged.file);
        if (staged.chunks) add(*staged.chunks);
    }
    if (naming.entry.path() != context.layout.entry(naming.manifest.key)) add(naming.entry);
    return bytes;
}

// The size on disk of the files whose names they take.
std::uint64_t overwritten_bytes(const Context& context, const Naming& naming) {
    std::uint64_t bytes = 0;
    const auto add = [&](const std::string& path) {
        if (const auto info = context.fs().link_info(path)) bytes += info->allocated_bytes;
    };
    for (const auto& staged : naming.parts) {
        add(context.layout.object(staged.part.object));
        if (staged.chunks) add(context.layout.chunks(staged.part.object));
    }
    add(context.layout.entry(naming.manifest.key));
    return bytes;
}

// Keeps the time of the last use, which is the mtime of the entry's file. Best effort: otherwise
// the entry counts as just used.
void keep_mark(const Context& context, const std::string& path, const TmpFile& entry) {
    if (const auto before = context.fs().link_info(path)) {
        static_cast<void>(context.fs().set_mtime(entry.path(), before->stamp.mtime_ns));
    }
}

Result<void> name_behind_gate(Context& context, Naming& naming) {
    auto& fs = context.fs();
    if (auto checked = check_kept(context, naming); !checked) return checked;
    if (auto named = name_objects(context, naming); !named) return named;
    const auto path = context.layout.entry(naming.manifest.key);
    const auto directory = os::parent_directory(path);
    if (auto made = ready_directory(fs, directory, naming.durability); !made) return made;
    if (const auto old = read_manifest(context, naming.manifest.key)) naming.replaced = old->parts;
    // C5: from here on there is an entry.
    if (auto moved = naming.entry.move_to(path); !moved) return moved;
    if (naming.durability == Durability::soon) return {};
    // C6: from here on it is there after power loss.
    return fs.sync_directory(directory);
}

// The same behind the exclusive gate, where no other process names or removes anything. Clears
// `naming.replaced` if it could remove the old objects itself.
Result<void> name_in_place(Context& context, const Replacement& replacement, Naming& naming) {
    const auto leaving = replacement.confirm();
    if (!leaving) return fail(leaving.error());
    keep_mark(context, context.layout.entry(naming.manifest.key), naming.entry);
    if (auto named = name_behind_gate(context, naming); !named) return named;
    Removal removal;
    if (take_away(context, {}, *leaving, DryRun::no, removal)) naming.replaced.clear();
    return {};
}

Result<void> name_everything(Context& context, const Publication& publication, Naming& naming) {
    const auto& replaces = publication.replaces;
    SpaceRequest claim{unnamed_bytes(context, naming), {}, naming.manifest.key};
    claim.alone = replaces.has_value();
    claim.evicts = !replaces || !replaces->shrinks;
    for (const auto& part : naming.manifest.parts) claim.objects.push_back(part.object);
    // The gate keeps others from removing objects that have no entry yet, or are in `kept`.
    auto room = Room::make(context, claim);
    if (!room) return fail(std::move(room.error()));
    const auto overwritten = overwritten_bytes(context, naming);
    auto named =
        replaces ? name_in_place(context, *replaces, naming) : name_behind_gate(context, naming);
    take_off(context, named ? overwritten : unnamed_bytes(context, naming));
    const auto filling = std::move(*room).leave();
    if (named) warn_of_filling(context, filling);
    return named;
}

// The objects of the replaced entry; or, after a failure, those that got names in vain.
std::vector<Digest> unused_after(const std::vector<StagedPart>& parts, const Manifest* manifest,
                                 const std::vector<Part>& replaced) {
    if (manifest != nullptr) return left_over(replaced, *manifest);
    std::vector<Digest> unused;
    for (const auto& staged : parts) {
        if (staged.named) unused.push_back(staged.part.object);
    }
    return unused;
}

// Whether others may gain by referring to its object.
bool is_worth_sharing(const Manifest& manifest) {
    constexpr std::uint64_t k_blob_bytes_min = std::uint64_t{256} << 10;
    // Most of what is left of a blob without its weights is a description of its graph.
    constexpr std::uint64_t k_made_bytes_min = std::uint64_t{1} << 20;
    const auto bytes = manifest.own_part().bytes;
    return (manifest.encoding == Encoding::raw && bytes >= k_blob_bytes_min) ||
           (manifest.encoding == Encoding::referring && bytes >= k_made_bytes_min);
}

// Gives what was staged its names. After an error, whatever they are, they are not there.
Result<Manifest> name_staged(Context& context, const Publication& publication,
                             std::vector<StagedPart>& parts, Durability durability) {
    auto manifest = publication.manifest;
    manifest.key = format::key_of(manifest.key_inputs);
    manifest.parts.clear();
    auto kept = publication.kept;
    for (const auto& staged : parts) {
        manifest.parts.push_back(staged.part);
        if (staged.form) {
            manifest.encoding = staged.form->encoding;
            manifest.blob_bytes = staged.form->blob_bytes;
            kept.insert(kept.end(), staged.form->shared.begin(), staged.form->shared.end());
            if (staged.form->shared_bytes > 0) {
                manifest.notes[format::k_shared_note] = std::to_string(staged.form->shared_bytes);
            }
        }
    }
    manifest.parts.insert(manifest.parts.end(), kept.begin(), kept.end());
    std::sort(manifest.parts.begin(), manifest.parts.end(),
              [](const Part& a, const Part& b) { return a.name < b.name; });
    auto entry = stage_manifest(context, manifest, durability);
    if (!entry) return fail(std::move(entry.error()));

    Naming naming{manifest, kept, parts, *entry, durability};
    auto named = name_everything(context, publication, naming);
    const auto unused = unused_after(parts, named ? &manifest : nullptr, naming.replaced);
    if (!unused.empty()) reclaim(context, unused);
    if (!named) return fail(std::move(named.error()));
    if (is_worth_sharing(manifest)) {
        for (const auto& family : publication.families) {
            add_to_family(context, family, manifest.own_part().object);
        }
    }
    return manifest;
}

Durability durability_of(const Context& context, const Publication& publication,
                         std::vector<std::optional<Written>>& written) {
    if (publication.durability == Durability::at_once) return Durability::at_once;
    for (auto& each : written) {
        const auto info = each ? each->file.file().info() : fail(Errc::not_found, "not written");
        if (info && info->stamp.size_bytes >= k_small_object_bytes) return Durability::at_once;
    }
    // Other machines see the names, but not yet the bytes.
    const auto space = context.fs().space(context.layout.root());
    const bool is_own_disk = space && space->locality != os::Locality::network;
    return is_own_disk ? Durability::soon : Durability::at_once;
}

// `refers`: whether what was written refers to other objects.
Result<Manifest> stage_and_name(Context& context, const Publication& publication, bool& refers) {
    const auto& sources = publication.sources;
    std::vector<std::optional<Written>> written(sources.size());
    auto all_written = parallel_for(sources.size(), publication.writers, [&](std::uint64_t i) {
        if (const auto earlier = sources[i].written ? sources[i].written->take() : nullptr) {
            written[i].emplace(std::move(*earlier));
            return Result<void>{};
        }
        auto file = write_source(context, sources[i]);
        if (file) {
            written[i].emplace(std::move(*file));
            return Result<void>{};
        }
        if (sources[i].is_optional) return Result<void>{};
        return Result<void>(fail(std::move(file.error())));
    });
    if (!all_written) return fail(std::move(all_written.error()));
    const auto durability = durability_of(context, publication, written);
    // Side by side: most of it is waiting for the disk, which writes many files as fast as one.
    std::vector<std::optional<StagedPart>> ready(sources.size());
    auto all_ready = parallel_for(sources.size(), publication.writers, [&](std::uint64_t i) {
        if (!written[i]) return Result<void>{};
        auto staged = stage(context, sources[i], std::move(*written[i]), durability);
        if (!staged) return Result<void>(fail(std::move(staged.error())));
        ready[i].emplace(std::move(*staged));
        return Result<void>{};
    });
    if (!all_ready) return fail(std::move(all_ready.error()));
    std::vector<StagedPart> parts;
    for (auto& staged : ready) {
        if (staged) parts.push_back(std::move(*staged));
    }
    if (parts.empty() && publication.kept.empty() && !sources.empty()) {
        return fail(Errc::not_found, "the memory that was to be published is gone");
    }
    refers = std::ranges::any_of(
        parts, [](const StagedPart& part) { return part.form && !part.form->shared.empty(); });
    return name_staged(context, publication, parts, durability);
}

}  // namespace

PartSource copy_of(os::FileSystem& fs, std::string name, std::string path) {
    return {std::move(name), [&fs, path = std::move(path)](StagedFile& staged) -> Result<void> {
                const auto file = fs.open(path, os::OpenMode::read);
                if (!file) return fail(file.error());
                const auto info = (*file)->info();
                if (!info) return fail(info.error());
                const auto copy = [&](std::uint64_t offset, std::span<const std::byte> bytes) {
                    return staged.write_at(offset, bytes);
                };
                return copy_file(**file, info->stamp.size_bytes, copy);
            }};
}

WrittenPart::WrittenPart(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WrittenPart::~WrittenPart() = default;

std::unique_ptr<WrittenPart::Impl> WrittenPart::take() { return std::move(impl_); }

std::uint64_t WrittenPart::bytes() const {
    if (!impl_) return 0;
    const auto info = impl_->file.file().info();
    return info ? info->stamp.size_bytes : 0;
}

Result<std::shared_ptr<WrittenPart>> write(Context& context, const PartSource& source) {
    if (auto writable = require_writable(context); !writable) return fail(writable.error());
    auto written = write_source(context, source);
    if (!written) return fail(std::move(written.error()));
    return std::make_shared<WrittenPart>(std::make_unique<WrittenPart::Impl>(std::move(*written)));
}

Result<Manifest> publish(Context& context, const Publication& publication) {
    if (auto writable = require_writable(context); !writable) return fail(writable.error());
    bool refers = false;
    auto published = stage_and_name(context, publication, refers);
    if (!published && refers && published.error().code == Errc::not_found) {
        // An object that it refers to was evicted meanwhile: the sources do not find it any more.
        published = stage_and_name(context, publication, refers);
    }
    return published;
}

}  // namespace larder::internal::store
