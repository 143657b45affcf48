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
// Whoever is before others takes seconds, on a slow disk minutes: the model works without.
constexpr std::chrono::seconds k_wait_for_turn{30};
// A first inference that takes longer than packing weights does is the program's own affair.
constexpr std::chrono::seconds k_warm_up_min{1};
constexpr std::chrono::seconds k_warm_up_max{20};
constexpr std::uint64_t k_packed_bytes_per_second = std::uint64_t{1} << 30;

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

// Memory that was never filled, or filled with one value: no weights.
bool is_uniform(std::span<const std::byte> pages) {
    return std::memcmp(pages.data(), pages.data() + k_page_bytes, pages.size() - k_page_bytes) == 0;
}

// All of its bytes, and where to look for it.
std::string name_of(const std::string& sample, const Digest& object) {
    return sample + "-" + object.hex();
}

std::string sample_in(const format::Part& part) { return part.name.substr(0, k_sample_characters); }

std::chrono::nanoseconds warm_up_limit(std::uint64_t blob_bytes) {
    const std::chrono::seconds packing(blob_bytes / k_packed_bytes_per_second);
    return std::min(k_warm_up_min + packing, k_warm_up_max);
}

format::Key loading_key(const format::Key& key) {
    return format::key_of({{"of", key.hex()}, {"loading", ""}});
}

format::Key turn_key(const format::Key& key, const os::System& system, std::uint64_t turn) {
    return format::key_of(
        {{"of", key.hex()}, {"turn", std::to_string(turn)}, {"boot", system.process.boot_id}});
}

// What an earlier larder shared may be anything that programs had in their memory.
void forget_earlier(Session& session, store::Store& store, const Identified& identified) {
    const auto key = earlier_unpacked_key(identified.inputs);
    if (!store.find(key).manifest) return;
    if (const auto removed = store.remove(std::vector{key}); !removed) {
        session.log().debug("what an earlier larder shared stays: " + removed.error().message());
    }
}

// Whatever happens meanwhile, nobody reads the blocks of a model that is handed out.
class Reading {
public:
    explicit Reading(KeepJob& job) : job_(job) {}
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    ~Reading() { job_.stop_reading(); }

private:
    KeepJob& job_;
};

}  // namespace

WeightSharing::WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                             const Identified& identified, std::uint64_t blob_bytes)
    : session_(session),
      store_(std::move(store)),
      blob_bytes_(blob_bytes),
      draft_(unpacked_manifest(identified.key, identified.inputs)),
      started_at_(Clock::now()) {
    draft_.model = identified.model;
    const auto device = identified.inputs.find("device.name");
    if (device != identified.inputs.end()) draft_.device = device->second;
}

std::unique_ptr<WeightSharing> WeightSharing::begin(
    Session& session, std::shared_ptr<store::Store> store, const Identified& identified,
    const runtime::Request& request, std::uint64_t blob_bytes, const os::ThreadMark* compiled,
    Sharing& sharing) {
    const auto none = [&](std::string reason) {
        sharing.reason = std::move(reason);
        return nullptr;
    };
    const auto libraries = request.unpacking_libraries();
    if (libraries.empty()) return none("the device does not unpack into this process's memory");
    if (blob_bytes < k_releasable_blob_bytes) return none("the model is too small");
    forget_earlier(session, *store, identified);
    if (session.config().share == Share::off) return none("sharing is switched off");
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
        made->presence_ = session.keep(made->store_, std::move(*presence));
    }
    if (auto loading = made->store_->announce(loading_key(made->draft_.key))) {
        made->loading_.emplace(std::move(*loading));
    }
    if (made->is_wanted(sharing)) made->wait_for_turn();
    made->has_compiled_ = compiled != nullptr;
    made->mark_ = compiled != nullptr ? compiled
                                      : &made->own_mark_.emplace(request.starting_libraries(),
                                                                 request.making_function());
    // Whether anybody shares may only be known after the import.
    made->scope_ =
        std::make_unique<os::LargeBlockScope>(libraries, 0, os::LargeBlockScope::Record::yes);
    made->started_at_ = Clock::now();
    return made;
}

bool WeightSharing::is_anybody_else_present() const {
    return store_->is_announced_by_others(draft_.key, session_.presence_paths());
}

bool WeightSharing::is_waited_for() const {
    std::set<std::string> own;
    if (loading_) own.insert(loading_->path());
    return store_->is_announced_by_others(loading_key(draft_.key), own);
}

bool WeightSharing::is_wanted(Sharing& sharing) {
    keeps_ = session_.config().share == Share::on || is_anybody_else_present();
    sharing.reason = keeps_ ? "" : "no other process uses the model";
    if (keeps_) {
        if (const auto allowed = may_keep(blob_bytes_); !allowed) {
            keeps_ = false;
            sharing.reason = allowed.error().message();
        }
    }
    return keeps_ || store_->find(draft_.key).manifest.has_value();
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
            ? std::min<std::chrono::nanoseconds>(k_wait_for_turn, session_.config().lock_timeout)
            : session_.config().lock_timeout;
    static_cast<void>(take(session_.system().entropy.next() % turns, limit));
}

void WeightSharing::share(runtime::Request& request, Sharing& sharing) {
    sharing = {};
    if (is_wanted(sharing)) share_blocks(request, sharing);
    session_.log().info("'" + draft_.model.path + "': " + format_size(sharing.shared_bytes) +
                        " of memory are shared with other processes, " +
                        format_size(sharing.private_bytes) + " are not" +
                        (sharing.reason.empty() ? "" : ": " + sharing.reason));
}

void WeightSharing::share_blocks(runtime::Request& request, Sharing& sharing) {
    if (has_compiled_ && mark_->is_anybody_else_calling()) {
        sharing.reason = "another model was compiled meanwhile, with the same threads perhaps";
        return;
    }
    find_blocks();
    const bool has_all = replace_by_kept();
    if (!has_all) {
        const auto warm = request.warm_up(warm_up_limit(blob_bytes_));
        if (!warm) {
            session_.log().debug("what the first inference unpacks is not shared: " +
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
        sharing.reason = "the rest is not kept yet, or it is too little";
    }
}

bool WeightSharing::replace_by_kept() {
    const auto found = store_->find(draft_.key);
    if (!found.manifest) return false;
    // One process alone has no need of it.
    if (keeps_) store_->mark_used(draft_.key);
    return replace_by(*found.manifest);
}

void WeightSharing::find_blocks() {
    const auto known = std::move(blocks_);
    const auto pages = scope_->blocks();
    blocks_.assign(pages.size(), {});
    static_cast<void>(parallel_for(pages.size(), worker_threads(), [&](std::uint64_t i) {
        // Before anything is read: what is not of this import may belong to the program.
        const auto number = scope_->number_of(pages[i]);
        if (number <= scope_->number_before() || scope_->mark_of(pages[i]) != mark_->id()) {
            return Result<void>{};
        }
        static_cast<void>(scope_->with(pages[i], [&] {
            const auto before = std::ranges::find(known, number, &Block::number);
            if (before != known.end() && before->shared) {
                blocks_[i] = *before;
            } else if (!is_uniform(pages[i])) {
                // What is uniform is nobody's weights: nothing is gained by one copy of it.
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
            // So much alike, and not the same: what is damaged is set aside.
            const auto object = store_->open_object(draft_.key, *part, store::VerifyPolicy::always);
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

std::uint64_t WeightSharing::bytes_worth_keeping() const {
    std::uint64_t all = 0;
    std::uint64_t unkept = 0;
    for (const auto& block : blocks_) {
        all += block.pages.size();
        if (!block.shared) unkept += block.pages.size();
    }
    const bool is_worth_it =
        is_damaged_ || (unkept >= k_worth_keeping_bytes && unkept >= all / k_worth_keeping_part);
    return is_worth_it ? unkept : 0;
}

Result<void> WeightSharing::keep() {
    if (!keeps_ || bytes_worth_keeping() == 0) return {};
    if (auto allowed = may_keep(bytes_worth_keeping()); !allowed) return allowed;
    const auto unpacking = session_.config().keep_limit.value_or(Clock::now() - started_at_);
    const auto limit = Clock::now() + std::chrono::duration_cast<Clock::duration>(unpacking);
    // Others who load it now have to unpack it, or else wait for this.
    const bool waits = session_.config().share == Share::on || is_waited_for();
    // Another may be doing it just now.
    auto flight = store_->flight(draft_.key, waits ? unpacking : std::chrono::nanoseconds{0});
    if (!flight) return fail(flight.error());
    if (flight->waited()) static_cast<void>(replace_by_kept());
    if (bytes_worth_keeping() == 0) return {};
    auto blocks = unkept_blocks();
    is_damaged_ = false;
    store::Publication publication;
    publication.manifest = draft_;
    publication.manifest.created_at_ns = session_.system().clock.wall().count();
    std::erase_if(blocks, [names = std::set<std::string>()](const KeptBlock& block) mutable {
        return !names.insert(block.name).second;
    });
    publication.kept = kept_parts(blocks);
    const auto job = std::make_shared<KeepJob>(store_, std::move(*flight), std::move(publication),
                                               std::move(blocks));
    const Reading reading(*job);
    if (!session_.keeping().start(job))
        return fail(Errc::busy, "there is no thread that could keep what is shared");
    // Where nobody waits for it, nor does this: what was copied by then is published behind it.
    const auto kept = waits ? job->wait_until_kept(limit) : std::nullopt;
    if (kept) {
        static_cast<void>(replace_by(*kept));
    } else {
        job->wait_until_read(limit);
    }
    return {};
}

std::vector<KeptBlock> WeightSharing::unkept_blocks() {
    std::vector<KeptBlock> unkept(blocks_.size());
    static_cast<void>(parallel_for(blocks_.size(), worker_threads(), [&](std::uint64_t i) {
        auto& block = blocks_[i];
        if (block.shared) return Result<void>{};
        const auto object = hash_chunked(block.pages);
        const format::Part part{name_of(block.sample, object), object, block.pages.size()};
        // Another model may hold the same weights: then there is a file of them already.
        if (const auto replaced = replace(block, part); replaced && *replaced) {
            return Result<void>{};
        }
        unkept[i] = {part.name, object, block.pages};
        return Result<void>{};
    }));
    std::erase_if(unkept, [](const KeptBlock& block) { return block.pages.empty(); });
    return unkept;
}

// What this process has mapped, and, within the limit, other forms.
std::vector<format::Part> WeightSharing::kept_parts(std::span<const KeptBlock> unkept) {
    std::vector<format::Part> parts;
    std::set<std::string, std::less<>> names;
    for (const auto& block : unkept) names.insert(block.name);
    std::uint64_t needed = 0;
    for (const auto& block : blocks_) {
        needed += block.pages.size();
        if (block.shared && names.insert(block.shared->name).second) {
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

}  // namespace larder::internal::cache
