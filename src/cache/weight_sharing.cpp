#include "cache/weight_sharing.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "base/parallel.h"
#include "base/units.h"
#include "cache/blob_pages.h"
#include "cache/unpacked.h"

namespace larder::internal::cache {
namespace {

// Less than this of what a process has unpacked is not worth a file.
constexpr std::uint64_t k_worth_keeping_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t k_worth_keeping_part = 10;
// Other numbers of threads may unpack the same blob differently. What is kept for all of them
// together is at most so many times what one needs.
constexpr std::uint64_t k_forms_max = 4;
// What an import takes besides, for each so much that stays: what it frees again.
constexpr std::uint64_t k_import_parts = 5;
constexpr std::uint64_t k_import_per_parts = 4;
constexpr std::uint64_t k_turns_max = 16;
constexpr std::uint64_t k_cores_of_turn = 4;
// Memory for so many of them is not short.
constexpr std::uint64_t k_plenty = 4;
// What is being kept takes seconds, on a slow disk minutes: the model works without.
constexpr std::chrono::seconds k_wait_for_keeper{30};
// A first inference that takes longer than this is the program's own affair.
constexpr std::chrono::seconds k_warm_up_limit{20};

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

format::Key turn_key(const format::Key& key, const os::System& system, std::uint64_t turn) {
    return format::key_of(
        {{"of", key.hex()}, {"turn", std::to_string(turn)}, {"boot", system.process.boot_id}});
}

}  // namespace

WeightSharing::WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                             const Identified& identified, std::uint64_t blob_bytes)
    : session_(session),
      store_(std::move(store)),
      blob_bytes_(blob_bytes),
      draft_(unpacked_manifest(identified.key, identified.inputs)) {
    draft_.model = identified.model;
    const auto device = identified.inputs.find("device.name");
    if (device != identified.inputs.end()) draft_.device = device->second;
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
    // Another machine may take a file away, and with it the pages that this one has not read yet.
    const auto space = session.system().fs.space(store->directory());
    const bool is_remote = space && space->locality == os::Locality::network;
    if (is_remote && session.config().share != Share::on) {
        return none("the larder is on a network file system");
    }
    if (auto obstacle = os::obstacle_to_recording(libraries); !obstacle.empty()) {
        return none(std::move(obstacle));
    }
    std::unique_ptr<WeightSharing> made(
        new WeightSharing(session, std::move(store), identified, blob_bytes));
    if (auto presence = made->store_->announce(made->draft_.key)) {
        made->presence_path_ = presence->path();
        made->presence_ = session.keep(made->store_, std::move(*presence));
    }
    if (made->is_wanted(sharing)) made->wait_for_turn();
    // Whether anybody shares may only be known after the import.
    made->scope_ =
        std::make_unique<os::LargeBlockScope>(libraries, 0, os::LargeBlockScope::Record::yes);
    return made;
}

bool WeightSharing::is_anybody_else_present() const {
    return !store_->told_by_others(draft_.key, session_.presence_paths()).empty();
}

bool WeightSharing::is_wanted(Sharing& sharing) {
    if (store_->find(draft_.key).manifest) return true;
    if (auto allowed = may_keep(blob_bytes_); !allowed) {
        sharing.reason = allowed.error().message();
        return false;
    }
    if (session_.config().share == Share::on) return true;
    if (is_anybody_else_present()) return true;
    sharing.reason = "no other process uses the model";
    return false;
}

Result<void> WeightSharing::may_keep(std::uint64_t bytes) {
    const auto mode = session_.config().mode;
    const bool writes = mode == Mode::on || mode == Mode::refresh;
    if (!writes || store_->access() == store::Access::read_only) {
        return fail(Errc::read_only, "nothing is kept that could be shared");
    }
    const auto limit = store_->limit_bytes();
    if (limit != 0 && (bytes > limit || blob_bytes_ > limit - bytes)) {
        return fail(Errc::no_space,
                    "there is no room for both, a blob and what it is unpacked into");
    }
    // Nothing else has to go for it unless it was asked for.
    if (session_.config().share == Share::automatic && !store_->has_room(bytes)) {
        return fail(Errc::no_space,
                    "there is no room for " + format_size(bytes) + " of unpacked weights in",
                    store_->directory(), "raise LARDER_MAX_SIZE, or set LARDER_SHARE=on");
    }
    return {};
}

std::uint64_t WeightSharing::turns(std::uint64_t bytes, std::uint64_t available_bytes,
                                   unsigned cores) {
    const auto need = std::max<std::uint64_t>(bytes / k_import_per_parts * k_import_parts, 1);
    const auto by_memory = available_bytes == 0 ? k_turns_max : available_bytes / need;
    const auto by_cores = std::max<std::uint64_t>(cores / k_cores_of_turn, 1);
    return std::clamp<std::uint64_t>(by_memory, 1, std::min(by_cores, k_turns_max));
}

void WeightSharing::wait_for_turn() {
    if (store_->access() == store::Access::read_only) return;
    const auto available = os::read_available_memory_bytes();
    const auto turns =
        WeightSharing::turns(blob_bytes_, available, std::thread::hardware_concurrency());
    const auto take = [&](std::uint64_t turn, std::chrono::nanoseconds limit) {
        auto flight = store_->flight(turn_key(draft_.key, session_.system(), turn), limit);
        if (flight) turn_.emplace(std::move(*flight));
        return flight.has_value() || flight.error().code != Errc::timed_out;
    };
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        if (take(turn, std::chrono::nanoseconds{0})) return;
    }
    // Where somebody takes too long, it is begun all the same: soon, where there is memory for it.
    const auto limit =
        available / k_plenty > blob_bytes_
            ? std::min<std::chrono::nanoseconds>(k_wait_for_keeper, session_.config().lock_timeout)
            : session_.config().lock_timeout;
    static_cast<void>(take(session_.system().entropy.next() % turns, limit));
}

bool WeightSharing::share(runtime::Request& request, Sharing& sharing) {
    sharing = {};
    // Let go in any case once this returns.
    const auto turn = std::move(turn_);
    turn_.reset();
    if (!is_wanted(sharing)) {
        session_.log().info("'" + draft_.model.path + "': no memory is shared: " + sharing.reason);
        find_blocks();
        return true;
    }
    find_blocks();
    bool is_unpacked = replace_by_kept();
    if (!is_unpacked) {
        const auto warm = request.warm_up(k_warm_up_limit);
        is_unpacked = warm.has_value();
        if (!warm) {
            session_.log().debug("what the first inference unpacks is not shared yet: " +
                                 warm.error().message());
        }
        find_blocks();
        static_cast<void>(replace_by_kept());
    }
    if (auto kept = keep(); !kept) sharing.reason = kept.error().message();
    for (const auto& block : blocks_) {
        (block.shared ? sharing.shared_bytes : sharing.private_bytes) += block.pages.size();
    }
    if (sharing.reason.empty() && sharing.private_bytes > 0) {
        sharing.reason = "no other process is known to have the rest, or it is too little";
    }
    session_.log().info("'" + draft_.model.path + "': " + format_size(sharing.shared_bytes) +
                        " of memory are shared with other processes, " +
                        format_size(sharing.private_bytes) + " are not" +
                        (sharing.reason.empty() ? "" : ": " + sharing.reason));
    return !is_unpacked || sharing.private_bytes > 0;
}

void WeightSharing::share_more() {
    find_blocks();
    static_cast<void>(replace_by_kept());
    if (auto kept = keep(); !kept) {
        session_.log().debug("memory stays private: " + kept.error().message());
    }
}

bool WeightSharing::replace_by_kept() {
    const auto found = store_->find(draft_.key);
    if (!found.manifest) return false;
    // One process alone has no need of it.
    if (session_.config().share == Share::on || is_anybody_else_present()) {
        store_->mark_used(draft_.key);
    }
    return replace_by(*found.manifest);
}

void WeightSharing::find_blocks() {
    const auto known = std::move(blocks_);
    const auto pages = scope_->blocks();
    blocks_.assign(pages.size(), {});
    static_cast<void>(parallel_for(pages.size(), worker_threads(), [&](std::uint64_t i) {
        static_cast<void>(scope_->with(pages[i], [&] {
            const auto number = scope_->number_of(pages[i]);
            // Of another model, which this process loaded before.
            if (number <= scope_->number_before()) return;
            const auto before = std::ranges::find(known, number, &Block::number);
            if (before != known.end() && before->shared) {
                blocks_[i] = *before;
            } else if (!is_uniform(pages[i])) {
                // What is uniform is nobody's weights: nothing is gained by one copy of it.
                blocks_[i] = {pages[i], number, name_of(pages[i])};
                if (before != known.end()) blocks_[i].differs_from = before->differs_from;
            }
        }));
        return Result<void>{};
    }));
    std::erase_if(blocks_, [](const Block& block) { return block.pages.empty(); });
    std::string names;
    for (const auto& block : blocks_) names.append(block.name).append(1, '\n');
    session_.tell(presence_path_, std::move(names));
}

void WeightSharing::listen() {
    for (const auto& text : store_->told_by_others(draft_.key, session_.presence_paths())) {
        for (std::size_t begin = 0; begin < text.size();) {
            const auto end = std::min(text.find('\n', begin), text.size());
            confirmed_.insert(text.substr(begin, end - begin));
            begin = end + 1;
        }
    }
}

bool WeightSharing::replace_by(const format::Manifest& manifest) {
    std::map<std::string_view, const format::Part*> parts;
    for (const auto& part : manifest.parts) parts[part.name] = &part;
    static_cast<void>(parallel_for(blocks_.size(), worker_threads(), [&](std::uint64_t i) {
        auto& block = blocks_[i];
        const auto found = parts.find(block.name);
        const bool is_alike = found != parts.end() && found->second->bytes == block.pages.size();
        if (block.shared || !is_alike || block.differs_from == found->second->object) {
            return Result<void>{};
        }
        auto replaced = replace(block, *found->second);
        if (replaced && !*replaced) {
            block.differs_from = found->second->object;
            // So much alike, and not the same: what is damaged is set aside.
            auto object =
                store_->open_object(draft_.key, *found->second, store::VerifyPolicy::always);
            if (!object) {
                block.differs_from.reset();
                replaced = fail(std::move(object.error()));
            }
        }
        if (replaced) return Result<void>{};
        session_.log().debug("memory stays private: " + replaced.error().message());
        const auto code = replaced.error().code;
        if (code == Errc::not_found || code == Errc::damaged) is_damaged_ = true;
        return Result<void>{};
    }));
    // Somebody had what is kept as well.
    for (const auto& part : manifest.parts) confirmed_.insert(part.name);
    for (const auto& block : blocks_) {
        if (block.shared) parts.erase(block.name);
    }
    return parts.empty();
}

Result<bool> WeightSharing::replace(Block& block, const format::Part& part) {
    // The bytes are compared with the block's own: no digest says more.
    const auto object = store_->open_object(draft_.key, part, store::VerifyPolicy::never);
    if (!object) return fail(object.error());
    Result<bool> replaced = fail(Errc::busy, "another thread is looking at the same memory");
    static_cast<void>(scope_->with(block.pages, [&] {
        replaced = session_.system().fs.replace_memory(*object->ranges.front().file, block.pages);
    }));
    if (replaced && *replaced) {
        block.shared = part;
        *shared_bytes_ += block.pages.size();
    }
    return replaced;
}

bool WeightSharing::is_to_be_kept(const Block& block) const {
    if (block.shared || block.differs_from) return false;
    return session_.config().share == Share::on || confirmed_.contains(block.name);
}

std::uint64_t WeightSharing::bytes_worth_keeping() const {
    std::uint64_t all = 0;
    std::uint64_t unkept = 0;
    for (const auto& block : blocks_) {
        all += block.pages.size();
        if (is_to_be_kept(block)) unkept += block.pages.size();
    }
    const bool is_worth_it =
        is_damaged_ || (unkept >= k_worth_keeping_bytes && unkept >= all / k_worth_keeping_part);
    return is_worth_it ? unkept : 0;
}

Result<void> WeightSharing::keep() {
    listen();
    if (bytes_worth_keeping() == 0) return {};
    if (auto allowed = may_keep(bytes_worth_keeping()); !allowed) return allowed;
    // Another may be doing it just now.
    const auto flight = store_->flight(draft_.key, k_wait_for_keeper);
    if (!flight) return fail(flight.error());
    if (flight->waited()) static_cast<void>(replace_by_kept());
    if (bytes_worth_keeping() == 0) return {};
    is_damaged_ = false;
    const auto kept = store_->publish(publication());
    if (!kept) return fail(kept.error());
    static_cast<void>(replace_by(*kept));
    return {};
}

// What this process has mapped, and, within the limit, other forms.
std::vector<format::Part> WeightSharing::kept_parts() {
    std::vector<format::Part> parts;
    std::set<std::string, std::less<>> names;
    std::uint64_t needed = 0;
    for (const auto& block : blocks_) {
        needed += block.pages.size();
        const bool is_kept = block.shared || is_to_be_kept(block);
        if (is_kept && names.insert(block.name).second && block.shared) {
            parts.push_back(*block.shared);
        }
    }
    const auto found = store_->find(draft_.key);
    if (found.manifest && found.manifest->total_bytes() <= needed * (k_forms_max - 1)) {
        for (const auto& part : found.manifest->parts) {
            if (names.insert(part.name).second) parts.push_back(part);
        }
    }
    std::erase_if(parts, [&](const format::Part& part) {
        return !store_->open_object(draft_.key, part, store::VerifyPolicy::never);
    });
    return parts;
}

store::Publication WeightSharing::publication() {
    const auto start = session_.system().clock.monotonic();
    store::Publication publication;
    auto& manifest = publication.manifest;
    manifest = draft_;
    manifest.created_at_ns = session_.system().clock.wall().count();

    // Another model may hold the same weights: then there is a file of them already.
    static_cast<void>(parallel_for(blocks_.size(), worker_threads(), [&](std::uint64_t i) {
        auto& block = blocks_[i];
        if (!is_to_be_kept(block)) return Result<void>{};
        format::Part part{block.name, {}, block.pages.size()};
        const bool is_there =
            scope_->with(block.pages, [&] { part.object = hash_chunked(block.pages); });
        if (is_there) static_cast<void>(replace(block, part));
        return Result<void>{};
    }));
    publication.kept = kept_parts();
    std::set<std::string_view> names;
    for (const auto& part : publication.kept) names.insert(part.name);
    for (const auto& block : blocks_) {
        if (!is_to_be_kept(block) || !names.insert(block.name).second) continue;
        publication.sources.push_back(
            {block.name, [&](store::StagedFile& file) {
                 Result<void> written = fail(Errc::not_found, "what was to be kept was freed");
                 static_cast<void>(
                     scope_->with(block.pages, [&] { written = file.write_at(0, block.pages); }));
                 return written;
             }});
    }
    manifest.compile_ms =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                       session_.system().clock.monotonic() - start)
                                       .count());
    return publication;
}

}  // namespace larder::internal::cache
