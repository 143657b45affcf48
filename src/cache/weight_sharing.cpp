#include "cache/weight_sharing.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <utility>

#include "base/parallel.h"
#include "base/units.h"
#include "cache/blob_pages.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_form = "kept.form";
constexpr const char* k_unpacked = "unpacked";

// Less than this of what a process has unpacked is not worth a file.
constexpr std::uint64_t k_worth_keeping_bytes = std::uint64_t{32} << 20;
constexpr std::uint64_t k_worth_keeping_part = 10;
// Other numbers of threads may unpack the same blob differently. What is kept for all of them
// together is at most so many times what one needs.
constexpr std::uint64_t k_forms_max = 4;
// What an import takes besides, for each so much that stays: what it frees again.
constexpr std::uint64_t k_import_parts = 5;
constexpr std::uint64_t k_import_per_parts = 4;
constexpr std::uint64_t k_turns_max = 16;
// A first inference that takes longer than this is the program's own affair.
constexpr std::chrono::seconds k_warm_up_limit{10};

constexpr std::size_t k_page_bytes = 4096;
constexpr std::size_t k_sample_bytes = 64;
constexpr std::size_t k_samples = 256;

std::string name_of(std::span<const std::byte> pages) {
    constexpr std::size_t k_name_characters = 32;
    Hasher hasher;
    hasher.update_u64(pages.size());
    const auto step = pages.size() / k_samples / k_sample_bytes * k_sample_bytes;
    for (std::size_t i = 0; i < k_samples; ++i) {
        hasher.update(pages.subspan(i * step, k_sample_bytes));
    }
    return hasher.finish().hex().substr(0, k_name_characters);
}

// Memory that was never filled, or filled with one value: no weights.
bool is_uniform(std::span<const std::byte> pages) {
    return std::memcmp(pages.data(), pages.data() + k_page_bytes, pages.size() - k_page_bytes) == 0;
}

format::Key turn_key(const os::System& system, std::uint64_t turn) {
    return format::key_of({{"turn", std::to_string(turn)}, {"boot", system.process.boot_id}});
}

}  // namespace

format::KeyInputs unpacked_inputs(const format::KeyInputs& blob_inputs) {
    auto inputs = blob_inputs;
    inputs[k_form] = k_unpacked;
    return inputs;
}

bool is_unpacked(const format::KeyInputs& inputs) {
    const auto found = inputs.find(k_form);
    return found != inputs.end() && found->second == k_unpacked;
}

WeightSharing::WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                             const Identified& identified)
    : session_(session), store_(std::move(store)) {
    draft_.key_inputs = unpacked_inputs(identified.inputs);
    draft_.key = format::key_of(draft_.key_inputs);
    draft_.encoding = format::Encoding::files;
    draft_.model = identified.model;
    const auto device = identified.inputs.find("device.name");
    if (device != identified.inputs.end()) draft_.device = device->second;
    draft_.notes["unpacked_from"] = identified.key.hex();
}

std::unique_ptr<WeightSharing> WeightSharing::begin(Session& session,
                                                    std::shared_ptr<store::Store> store,
                                                    const Identified& identified,
                                                    const runtime::Request& request,
                                                    std::uint64_t blob_bytes, Sharing& sharing) {
    const auto none = [&](std::string reason) {
        sharing.reason = std::move(reason);
        return nullptr;
    };
    if (session.config().share == Share::off) return none("sharing is switched off");
    const auto libraries = request.unpacking_libraries();
    if (libraries.empty()) return none("the device does not unpack into this process's memory");
    if (blob_bytes < k_releasable_blob_bytes) return none("the model is too small");
    std::unique_ptr<WeightSharing> made(new WeightSharing(session, std::move(store), identified));
    if (auto presence = made->store_->announce(made->draft_.key)) {
        made->presence_path_ = presence->path();
        made->presence_ = session.keep(made->store_, std::move(*presence));
    }
    // From here on: whether anybody shares may only be known after the import.
    made->scope_ =
        std::make_unique<os::LargeBlockScope>(libraries, 0, os::LargeBlockScope::Record::yes);
    if (!made->scope_->obstacle().empty()) return none(made->scope_->obstacle());
    if (made->is_wanted(sharing)) made->wait_for_turn(blob_bytes);
    return made;
}

bool WeightSharing::is_wanted(Sharing& sharing) {
    if (session_.config().share == Share::on) return true;
    if (store_->find(draft_.key).manifest) return true;
    if (store_->is_anybody_else_present(draft_.key, presence_path_)) return true;
    sharing.reason = "no other process uses the model";
    return false;
}

// Until it has shared what it unpacks, each process needs all of it for itself: no more of them at
// once than there is memory for.
void WeightSharing::wait_for_turn(std::uint64_t bytes) {
    const auto available = os::read_available_memory_bytes();
    if (available == 0 || store_->access() == store::Access::read_only) return;
    const auto need = bytes / k_import_per_parts * k_import_parts;
    const auto turns = std::max<std::uint64_t>(available / std::max<std::uint64_t>(need, 1), 1);
    if (turns > k_turns_max) return;
    const auto take = [&](std::uint64_t turn, std::chrono::nanoseconds limit) {
        auto flight = store_->flight(turn_key(session_.system(), turn), limit);
        if (flight) turn_.emplace(std::move(*flight));
        return flight.has_value() || flight.error().code != Errc::timed_out;
    };
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        if (take(turn, std::chrono::nanoseconds{0})) return;
    }
    // Where somebody takes that long, it is begun all the same.
    static_cast<void>(
        take(session_.system().entropy.next() % turns, session_.config().lock_timeout));
}

void WeightSharing::share(runtime::Request& request, Sharing& sharing) {
    sharing = {};
    if (!is_wanted(sharing)) {
        scope_.reset();
        return;
    }
    if (const auto warm = request.warm_up(k_warm_up_limit); !warm) {
        session_.log().debug("weights that are unpacked at the first inference are not shared: " +
                             warm.error().message());
    }
    auto blocks = find_blocks();
    if (const auto found = store_->find(draft_.key); found.manifest) {
        store_->mark_used(draft_.key);
        replace(blocks, *found.manifest);
    }
    if (auto kept = keep(blocks); !kept) {
        sharing.reason = kept.error().message();
        session_.log().info("weights are not shared: " + sharing.reason);
    }
    for (const auto& block : blocks) {
        (block.is_shared ? sharing.shared_bytes : sharing.private_bytes) += block.pages.size();
    }
    scope_.reset();
    turn_.reset();
}

std::vector<WeightSharing::Block> WeightSharing::find_blocks() const {
    const auto pages = scope_->blocks();
    std::vector<Block> blocks(pages.size());
    static_cast<void>(parallel_for(pages.size(), worker_threads(), [&](std::uint64_t i) {
        static_cast<void>(scope_->with(pages[i], [&] {
            // What is uniform is nobody's weights: nothing is gained by one copy of it.
            if (!is_uniform(pages[i])) blocks[i] = {pages[i], name_of(pages[i])};
        }));
        return Result<void>{};
    }));
    std::erase_if(blocks, [](const Block& block) { return block.pages.empty(); });
    return blocks;
}

void WeightSharing::replace(std::vector<Block>& blocks, const format::Manifest& manifest) {
    std::map<std::string_view, const format::Part*> parts;
    for (const auto& part : manifest.parts) parts[part.name] = &part;
    static_cast<void>(parallel_for(blocks.size(), worker_threads(), [&](std::uint64_t i) {
        auto& block = blocks[i];
        const auto found = parts.find(block.name);
        if (!block.is_shared && found != parts.end() &&
            found->second->bytes == block.pages.size()) {
            block.is_shared = replace(block, *found->second);
        }
        return Result<void>{};
    }));
}

bool WeightSharing::replace(Block& block, const format::Part& part) {
    // The bytes are compared with the block's own: no digest says more.
    const auto object = store_->open_object(draft_.key, part, store::VerifyPolicy::never);
    if (!object) return false;
    Result<bool> replaced = false;
    const bool is_there = scope_->with(block.pages, [&] {
        replaced = session_.system().fs.replace_memory(*object->ranges.front().file, block.pages);
    });
    if (!is_there) return false;
    if (!replaced) {
        session_.log().debug("weights stay private: " + replaced.error().message());
        return false;
    }
    // So much alike, and not the same: what is damaged is set aside, and kept anew.
    if (!*replaced) {
        static_cast<void>(store_->open_object(draft_.key, part, store::VerifyPolicy::always));
    }
    return *replaced;
}

Result<void> WeightSharing::keep(std::vector<Block>& blocks) {
    const auto left = [&] {
        std::uint64_t all = 0;
        std::uint64_t unshared = 0;
        for (const auto& block : blocks) {
            all += block.pages.size();
            if (!block.is_shared) unshared += block.pages.size();
        }
        const bool is_worth_it =
            unshared >= k_worth_keeping_bytes && unshared >= all / k_worth_keeping_part;
        return is_worth_it ? unshared : 0;
    };
    if (left() == 0 || store_->access() == store::Access::read_only ||
        session_.config().mode == Mode::cache_only) {
        return {};
    }
    // Another may be doing it just now.
    const auto flight = store_->flight(draft_.key, session_.config().lock_timeout);
    if (!flight) return fail(flight.error());
    if (flight->waited()) {
        if (const auto found = store_->find(draft_.key); found.manifest) {
            replace(blocks, *found.manifest);
        }
    }
    const auto bytes = left();
    if (bytes == 0) return {};
    // Nothing else has to go for it unless it was asked for.
    if (session_.config().share == Share::automatic && !store_->has_room(bytes)) {
        return fail(Errc::no_space,
                    "there is no room for " + format_size(bytes) + " of unpacked weights in",
                    store_->directory(), "raise LARDER_MAX_SIZE, or set LARDER_SHARE=on");
    }
    return publish(blocks);
}

Result<void> WeightSharing::publish(std::vector<Block>& blocks) {
    const auto start = session_.system().clock.monotonic();
    store::Publication publication;
    publication.manifest = draft_;
    publication.manifest.created_at_ns = session_.system().clock.wall().count();
    std::uint64_t needed = 0;
    for (const auto& block : blocks) needed += block.pages.size();
    const auto found = store_->find(draft_.key);
    if (found.manifest && found.manifest->total_bytes() <= needed * (k_forms_max - 1)) {
        publication.kept = found.manifest->parts;
    }

    // Another model may hold the same weights: then there is a file of them already.
    std::vector<std::optional<format::Part>> same(blocks.size());
    static_cast<void>(parallel_for(blocks.size(), worker_threads(), [&](std::uint64_t i) {
        auto& block = blocks[i];
        if (block.is_shared) return Result<void>{};
        format::Part part{block.name, {}, block.pages.size()};
        const bool is_there =
            scope_->with(block.pages, [&] { part.object = hash_chunked(block.pages); });
        if (is_there && replace(block, part)) same[i] = part;
        return Result<void>{};
    }));
    const auto is_kept = [&](const std::string& name) {
        const auto has_name = [&](const auto& part) { return part.name == name; };
        return std::ranges::any_of(publication.kept, has_name) ||
               std::ranges::any_of(publication.sources, has_name);
    };
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        auto& block = blocks[i];
        if (is_kept(block.name)) continue;
        if (same[i]) publication.kept.push_back(*same[i]);
        if (block.is_shared) continue;
        const auto write = [&](store::StagedFile& file) {
            Result<void> written;
            const bool is_there =
                scope_->with(block.pages, [&] { written = file.write_at(0, block.pages); });
            if (!is_there) return Result<void>(fail(Errc::not_found, "weights were freed"));
            return written;
        };
        publication.sources.push_back({block.name, write});
    }
    const auto took = session_.system().clock.monotonic() - start;
    publication.manifest.compile_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    const auto kept = store_->publish(publication);
    if (!kept) return fail(kept.error());
    replace(blocks, *kept);
    return {};
}

}  // namespace larder::internal::cache
