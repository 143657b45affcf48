#include "cache/entries/kernels.h"

#include <algorithm>
#include <utility>

#include "cache/entries/kept_form.h"
#include "cache/entries/notes.h"
#include "format/elf.h"
#include "format/openvino_blob.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_kernels_form = "kernels";
constexpr const char* k_kernels_of_note = "kernels_of";

// A model of changing shapes makes kernels without end, and all stored ones are copied at each
// load.
constexpr std::size_t k_kernels_max = 500;
constexpr std::uint64_t k_kernels_bytes_max = std::uint64_t{128} << 20;
constexpr std::uint64_t k_kernel_bytes_max = std::uint64_t{16} << 20;
// The number of files that are synced at once.
constexpr unsigned k_kernel_writers = 4;
// How long the end of a session may wait for the compile lock.
constexpr std::chrono::seconds k_compile_lock_limit{2};

bool holds(const format::Manifest& manifest, const std::string& name) {
    return std::ranges::any_of(manifest.parts,
                               [&](const format::Part& part) { return part.name == name; });
}

store::PartSource source_of(std::string name, std::string content) {
    store::PartSource source;
    source.name = std::move(name);
    source.write = [content = std::move(content)](store::StagedFile& file) {
        return file.write_at(0, std::as_bytes(std::span(content)));
    };
    return source;
}

Digest digest_of(const format::Manifest& manifest) {
    Hasher hasher("larder kernels 1");
    for (const auto& part : manifest.parts) {
        hasher.update_field(part.name).update_field(part.object.hex());
    }
    return hasher.finish();
}

}  // namespace

format::KeyInputs kernel_inputs(const format::KeyInputs& blob_inputs) {
    return inputs_in_form(blob_inputs, k_kernels_form);
}

format::Manifest kernel_manifest(const format::Manifest& blob) {
    format::Manifest manifest;
    manifest.key_inputs = kernel_inputs(blob.key_inputs);
    manifest.key = format::key_of(manifest.key_inputs);
    manifest.encoding = format::Encoding::files;
    manifest.model = blob.model;
    manifest.device = blob.device;
    // Kernels are small compared to the blob, and of no use without it: the blob is evicted
    // first.
    manifest.compile_ms = blob.compile_ms;
    manifest.requirements = blob.requirements;
    manifest.notes[k_kernels_of_note] = blob.key.hex();
    return manifest;
}

std::string kernels_of(const format::Manifest& manifest) {
    return note_in(manifest, k_kernels_of_note);
}

bool KernelDirectory::is_of(const store::Store& store, const format::Manifest& manifest) const {
    return store_.get() == &store && manifest_.key == manifest.key &&
           manifest_.requirements == manifest.requirements;
}

std::optional<format::Manifest> KernelDirectory::find_kept() const {
    if (!may_read_) return std::nullopt;
    auto found = store_->find(manifest_.key);
    // Machines with different drivers may replace each other's entry under this key.
    if (!found.manifest || found.manifest->requirements != manifest_.requirements) {
        return std::nullopt;
    }
    return std::move(found.manifest);
}

bool KernelDirectory::take_in(const format::Manifest& kept) {
    const auto added = store_->add_parts(directory_, kept);
    if (added) return *added > 0;
    log_.debug("kernels cannot be used: " + added.error().message());
    return false;
}

std::optional<Digest> KernelDirectory::begin() {
    const std::lock_guard lock(mutex_);
    const auto kept = find_kept();
    if (!kept) return std::nullopt;
    const auto subject = digest_of(*kept);
    const auto count = store_->count_crashes(subject);
    if (count && count->crashes > 0) {
        may_read_ = false;
        log_.warn_once("kernels", "a process crashed when it used the kernels kept for '" +
                                      manifest_.model.path + "': they are built again");
        return std::nullopt;
    }
    store_->mark_used(manifest_.key);
    static_cast<void>(take_in(*kept));
    return subject;
}

void KernelDirectory::begin_anew() {
    const std::lock_guard lock(mutex_);
    may_read_ = false;
}

std::vector<store::PartSource> KernelDirectory::read_new(const store::Harvest& harvest,
                                                         const format::Manifest& kept) const {
    std::vector<store::PartSource> sources;
    auto bytes = kept.total_bytes();
    const auto add = [&](const std::string& name) {
        const bool is_full =
            kept.parts.size() + sources.size() >= k_kernels_max || bytes >= k_kernels_bytes_max;
        if (is_full || holds(kept, name)) return;
        if (format::openvino_file_name(name) != format::OpenVinoFileName::kernels) return;
        auto content = os::read_text(system_.fs, os::join(path(), name), k_kernel_bytes_max);
        // A kernel file that is still being written is taken the next time; a truncated one never.
        if (!content || !format::is_whole_elf(*content)) return;
        bytes += content->size();
        if (bytes <= k_kernels_bytes_max) sources.push_back(source_of(name, std::move(*content)));
    };
    for (const auto& fresh : harvest.fresh) add(fresh.name);
    // Kernels that a person removed are published again only together with new ones.
    if (sources.empty()) return sources;
    for (const auto& part : harvest.kept) add(part.name);
    return sources;
}

Result<bool> KernelDirectory::keep_new(const store::Harvest& harvest,
                                       std::chrono::nanoseconds limit) {
    auto kept = find_kept().value_or(format::Manifest{});
    auto sources = read_new(harvest, kept);
    if (sources.empty()) return false;
    const auto compile_lock = store_->compile_lock(manifest_.key, limit);
    if (!compile_lock) return fail(compile_lock.error());
    auto now = find_kept().value_or(format::Manifest{});
    if (now.parts != kept.parts) {
        kept = std::move(now);
        sources = read_new(harvest, kept);
        if (sources.empty()) return false;
    }
    store::Publication publication;
    publication.manifest = manifest_;
    publication.manifest.created_at_ns =
        kept.parts.empty() ? system_.clock.wall().count() : kept.created_at_ns;
    publication.writers = k_kernel_writers;
    publication.sources = std::move(sources);
    publication.kept = std::move(kept.parts);
    auto published = store_->publish(publication);
    if (!published && published.error().code == Errc::not_found) {
        // An object of the entry is gone.
        publication.kept.clear();
        publication.sources = read_new(harvest, {});
        published = store_->publish(publication);
    }
    if (!published) return fail(std::move(published.error()));
    directory_.note_kept(harvest, *published);
    may_read_ = true;
    return true;
}

bool KernelDirectory::exchange(std::chrono::nanoseconds limit) {
    const std::lock_guard lock(mutex_);
    bool has_changed = false;
    if (const auto kept = find_kept()) has_changed = take_in(*kept);
    if (store_->access() == store::Access::read_only) return has_changed;
    const auto harvest = store_->harvest(directory_);
    if (!harvest || harvest->fresh.empty()) return has_changed;
    const auto done = keep_new(*harvest, limit);
    if (done) return has_changed || *done;
    // Another process holds the compile lock: the kernels are published the next time.
    if (done.error().code != Errc::timed_out) {
        log_.warn_once("kernels kept", "kernels are not kept: " + done.error().message());
    }
    return has_changed;
}

Result<std::shared_ptr<KernelDirectory>> KernelKeeping::open(
    const os::System& system, Log& log, const std::shared_ptr<store::Store>& store,
    const format::Manifest& manifest) {
    const std::lock_guard lock(mutex_);
    std::erase_if(directories_, [](const auto& each) { return !each->is_there(); });
    std::shared_ptr<KernelDirectory> directory;
    for (const auto& each : directories_) {
        if (each->is_of(*store, manifest)) directory = each;
    }
    if (!directory) {
        auto made = store->materialise(nullptr, store::Verify::always);
        if (!made) return fail(std::move(made.error()));
        directory =
            std::make_shared<KernelDirectory>(system, log, store, std::move(*made), manifest);
        directories_.push_back(directory);
    }
    // If no thread could be started, kernels are published when the session ends.
    lookout_.look_soon();
    return directory;
}

void KernelKeeping::keep() {
    for (const auto& directory : all())
        static_cast<void>(directory->exchange(k_compile_lock_limit));
}

std::vector<std::shared_ptr<KernelDirectory>> KernelKeeping::all() {
    const std::lock_guard lock(mutex_);
    return directories_;
}

bool KernelKeeping::exchange_all(const std::stop_token& stop) {
    bool has_changed = false;
    for (const auto& directory : all()) {
        if (stop.stop_requested()) break;
        has_changed = directory->exchange(std::chrono::nanoseconds{0}) || has_changed;
    }
    return has_changed;
}

}  // namespace larder::internal::cache
