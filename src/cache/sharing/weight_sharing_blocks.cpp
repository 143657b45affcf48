// Finds the blocks of an import, and maps published parts in their place.
#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "base/parallel.h"
#include "cache/sharing/weight_sharing.h"

namespace larder::internal::cache {
namespace {

constexpr std::size_t k_page_bytes = 4096;
constexpr std::size_t k_sample_bytes = 64;
constexpr std::size_t k_samples = 256;
constexpr std::size_t k_sample_characters = 32;

std::string sample_of(std::span<const std::byte> pages) {
    Hasher hasher;
    hasher.update_u64(pages.size());
    const auto step = pages.size() / k_samples / k_sample_bytes * k_sample_bytes;
    for (std::size_t i = 0; i < k_samples; ++i) {
        hasher.update(pages.subspan(i * step, k_sample_bytes));
    }
    return hasher.finish().hex().substr(0, k_sample_characters);
}

// Memory that was never filled, or filled with one value, holds no weights.
bool is_uniform(std::span<const std::byte> pages) {
    return std::memcmp(pages.data(), pages.data() + k_page_bytes, pages.size() - k_page_bytes) == 0;
}

// The sample, by which the part is found, and the digest of all bytes.
std::string name_of(const std::string& sample, const Digest& object) {
    return sample + "-" + object.hex();
}

std::string sample_in(const format::Part& part) { return part.name.substr(0, k_sample_characters); }

}  // namespace

format::Part WeightSharing::part_of(const Block& block) {
    return {name_of(block.sample, *block.object), *block.object, block.pages.size()};
}

bool WeightSharing::replace_by_kept() {
    const auto found = store_->find(draft_.key);
    if (!found.manifest) return false;
    // Not marked for a single process, which does not need the entry.
    if (keeps_) store_->mark_used(draft_.key);
    return replace_by(*found.manifest);
}

void WeightSharing::find_blocks() {
    const auto known = std::move(blocks_);
    const auto pages = scope_->blocks();
    blocks_.assign(pages.size(), {});
    static_cast<void>(parallel_for(pages.size(), worker_threads(), [&](std::uint64_t i) {
        // Checked before anything is read: other blocks may belong to the program.
        const auto number = scope_->number_of(pages[i]);
        if (number <= scope_->number_before() || scope_->mark_of(pages[i]) != mark_->id()) {
            return Result<void>{};
        }
        static_cast<void>(scope_->with(pages[i], [&] {
            const auto before = std::ranges::find(known, number, &Block::number);
            if (before != known.end() && before->shared) {
                blocks_[i] = *before;
            } else if (!is_uniform(pages[i])) {
                // Uniform memory holds no weights: sharing it gains nothing.
                blocks_[i] = {pages[i], number, sample_of(pages[i])};
                if (before != known.end()) blocks_[i].differs_from = before->differs_from;
            }
        }));
        return Result<void>{};
    }));
    std::erase_if(blocks_, [](const Block& block) { return block.pages.empty(); });
}

bool WeightSharing::replace_by(const format::Manifest& manifest) {
    std::map<std::string, std::vector<const format::Part*>, std::less<>> parts;
    for (const auto& part : manifest.parts) parts[sample_in(part)].push_back(&part);
    static_cast<void>(parallel_for(blocks_.size(), worker_threads(), [&](std::uint64_t i) {
        const auto found = parts.find(blocks_[i].sample);
        if (!blocks_[i].shared && found != parts.end()) {
            static_cast<void>(replace_by_any(blocks_[i], found->second));
        }
        return Result<void>{};
    }));
    return std::ranges::all_of(manifest.parts, [&](const format::Part& part) {
        return std::ranges::any_of(blocks_, [&](const Block& block) {
            return block.shared && block.shared->object == part.object;
        });
    });
}

bool WeightSharing::replace_by_any(Block& block, std::span<const format::Part* const> parts) {
    for (const auto* part : parts) {
        if (part->bytes != block.pages.size() || block.differs_from.contains(part->object)) {
            continue;
        }
        auto replaced = replace(block, *part);
        if (replaced && *replaced) return true;
        if (replaced) {
            block.differs_from.insert(part->object);
            // Equal samples but different bytes: the part may be damaged, and is quarantined then.
            const auto object = store_->open_object(draft_.key, *part, store::Verify::always);
            if (object) continue;
            replaced = fail(object.error());
        }
        session_.log().debug("memory stays private: " + replaced.error().message());
        const auto code = replaced.error().code;
        if (code == Errc::not_found || code == Errc::damaged) is_damaged_ = true;
    }
    return false;
}

Result<bool> WeightSharing::replace(Block& block, const format::Part& part) {
    // The bytes are compared with the block's own, which proves more than a digest.
    const auto object = store_->open_object(draft_.key, part, store::Verify::never);
    if (!object) return fail(object.error());
    return replace_from(block, part, *object->ranges.front().file);
}

Result<bool> WeightSharing::replace_from(Block& block, const format::Part& part, os::File& file) {
    Result<bool> replaced = fail(Errc::busy, "another thread is looking at the same memory");
    static_cast<void>(scope_->with(
        block.pages, [&] { replaced = session_.system().fs.replace_memory(file, block.pages); }));
    if (replaced && *replaced) {
        block.shared = part;
        *shared_bytes_ += block.pages.size();
    }
    return replaced;
}

bool WeightSharing::replace_by_staged(Block& block) {
    const auto part = part_of(block);
    if (!maps_staged_ || staged_files_ >= staged_files_max_) return false;
    auto file = store_->open_staged(part);
    if (!file) return false;
    const auto replaced = replace_from(block, part, **file);
    if (!replaced || !*replaced) return false;
    block.unsettled = std::move(*file);
    ++staged_files_;
    return true;
}

void WeightSharing::share_same_bytes() {
    static_cast<void>(parallel_for(blocks_.size(), worker_threads(), [&](std::uint64_t i) {
        auto& block = blocks_[i];
        if (block.shared) return Result<void>{};
        if (!block.object) block.object = hash_chunked(block.pages);
        // Another model may have the same weights: then their file exists already.
        const auto part = part_of(block);
        const auto replaced = replace(block, part);
        if (!replaced || !*replaced) static_cast<void>(replace_by_staged(block));
        return Result<void>{};
    }));
}

}  // namespace larder::internal::cache
