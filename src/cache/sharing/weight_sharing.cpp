#include "cache/sharing/weight_sharing.h"

#include <algorithm>
#include <functional>
#include <new>
#include <set>
#include <thread>
#include <utility>

#include "base/units.h"
#include "cache/pages/blob_pages.h"
#include "cache/sharing/unpacked.h"

namespace larder::internal::cache {
namespace {

// If less than this of a process's blocks is not published, publishing it is not worth a file.
constexpr std::uint64_t k_worth_keeping_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t k_worth_keeping_part = 10;
// Processes with other numbers of threads may unpack the same blob differently. The blocks stored
// for all of them take at most this many times what one process needs.
constexpr std::uint64_t k_forms_max = 4;
// The memory that an import needs at its peak, relative to what stays: five parts for every four.
constexpr std::uint64_t k_import_parts = 5;
constexpr std::uint64_t k_import_per_parts = 4;
constexpr std::uint64_t k_turns_max = 16;
constexpr std::uint64_t k_cores_of_turn = 4;
// Memory is plentiful if copies of the model in all processes take less than this part of it.
constexpr std::uint64_t k_plentiful_part = 4;
// If this many times the memory is available, memory is not short.
constexpr std::uint64_t k_plenty = 4;
// Processes ahead in the queue take seconds, on a slow disk minutes; the model also works without a
// turn.
constexpr std::chrono::seconds k_wait_for_turn{30};
// The least time to wait for a publication: on a busy machine the thread that copies may not run
// for as long as it takes to unpack a small model.
constexpr std::chrono::milliseconds k_turn{250};
// How often to look while another process copies blocks that both have unpacked.
constexpr std::chrono::milliseconds k_look_again{200};
// Limits the first inference: one that takes longer than packing weights does is left to the
// program.
constexpr std::chrono::seconds k_warm_up_min{1};
constexpr std::chrono::seconds k_warm_up_max{20};
constexpr std::uint64_t k_packed_bytes_per_second = std::uint64_t{1} << 30;

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

// Tells whether each of the processes may have its own copy. Unknown memory is not plentiful.
bool is_memory_plentiful(const Session& session, std::uint64_t bytes, std::uint64_t processes) {
    const auto& given = session.config().available_memory_bytes;
    const auto available = given ? *given : os::read_available_memory_bytes();
    return bytes < available / k_plentiful_part / processes;
}

// A part of the files that a process may have open.
std::size_t files_at_once() {
    constexpr std::size_t k_part = 4;
    return std::max<std::size_t>(os::read_descriptor_limit() / k_part, 1);
}

// Removes blocks that an earlier larder version shared: they may hold data of programs.
void forget_earlier(Session& session, store::Store& store, const Identified& identified) {
    const auto key = earlier_unpacked_key(identified.inputs);
    if (!store.find(key).manifest) return;
    if (const auto removed = store.remove(std::vector{key}); !removed) {
        session.log().debug("files that an earlier larder shared cannot be removed: " +
                            removed.error().message());
    }
}

// Ensures, on every way out, that no block is read once its model is handed out.
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

std::shared_ptr<const void> WeightSharing::announce(Session& session,
                                                    const std::shared_ptr<store::Store>& store,
                                                    const Identified& identified,
                                                    const runtime::Request& request) {
    if (session.config().share == Share::off || request.unpacking_libraries().empty()) return {};
    auto presence = store->announce(format::key_of(unpacked_inputs(identified.inputs)));
    if (!presence) return {};
    return session.keep(store, std::move(*presence));
}

bool WeightSharing::is_worth_it(const Session& session, store::Store& store,
                                const Identified& identified, std::uint64_t bytes) {
    const auto others = store.count_announced_by_others(
        format::key_of(unpacked_inputs(identified.inputs)), session.presence_paths());
    return others > 0 && !is_memory_plentiful(session, bytes, others + 1);
}

std::unique_ptr<WeightSharing> WeightSharing::begin(
    Session& session, std::shared_ptr<store::Store> store, const Identified& identified,
    const runtime::Request& request, std::uint64_t blob_bytes, const process::ThreadMark* compiled,
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
    // Another machine may remove a file, and with it the pages that this machine has not read yet.
    const auto space = session.system().fs.space(store->directory());
    const bool is_remote = space && space->locality == os::Locality::network;
    if (is_remote && session.config().share != Share::on) {
        return none("the larder is on a network file system");
    }
    if (auto obstacle = process::obstacle_to_recording(libraries); !obstacle.empty()) {
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
    made->staged_files_max_ = files_at_once();
    made->maps_staged_ = space && !is_remote && session.system().fs.can_make_private();
    // Records already during the import: whether another process shares may be known only later.
    made->scope_ = std::make_unique<process::LargeBlockScope>(
        libraries, 0, process::LargeBlockScope::Record::yes);
    made->started_at_ = Clock::now();
    return made;
}

bool WeightSharing::is_waited_for() const {
    std::set<std::string> own;
    if (loading_) own.insert(loading_->path());
    return store_->count_announced_by_others(loading_key(draft_.key), own) > 0;
}

bool WeightSharing::is_wanted(Sharing& sharing) {
    const bool is_asked_for = session_.config().share == Share::on;
    const auto others = store_->count_announced_by_others(draft_.key, session_.presence_paths());
    keeps_ = is_asked_for || others > 0;
    sharing.reason = keeps_ ? "" : "no other process uses the model";
    // Files that other processes have published may be mapped by one that is alone now.
    const auto processes = std::max<std::uint64_t>(others, 1) + 1;
    if (!is_asked_for && is_memory_plentiful(session_, blob_bytes_, processes)) {
        if (keeps_) sharing.reason = "memory is plentiful; LARDER_SHARE=on shares all the same";
        keeps_ = false;
        return false;
    }
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
        return fail(Errc::read_only, "there is no stored blob whose memory could be shared");
    }
    const auto limit = store_->limit_bytes();
    if (limit != 0 && (bytes > limit || blob_bytes_ > limit - bytes)) {
        return fail(Errc::no_space,
                    "the limit has no room for both a blob and its unpacked memory");
    }
    // No other entry is evicted for the blocks, unless LARDER_SHARE=on asks for that.
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
        auto compile_lock =
            store_->compile_lock(turn_key(draft_.key, session_.system(), turn), limit);
        if (compile_lock) turn_.emplace(std::move(*compile_lock));
        return compile_lock.has_value() || compile_lock.error().code != Errc::timed_out;
    };
    if (turns == 0) return;
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        if (take(turn, std::chrono::nanoseconds{0})) return;
    }
    // If other processes take too long, the import begins anyway: soon, if there is memory for it.
    const auto limit =
        available / k_plenty > blob_bytes_
            ? std::min<std::chrono::nanoseconds>(k_wait_for_turn, session_.config().lock_timeout)
            : session_.config().lock_timeout;
    static_cast<void>(take(session_.system().entropy.next() % turns, limit));
}

void WeightSharing::share(runtime::Request& request, Sharing& sharing) {
    sharing = {};
    try {
        if (is_wanted(sharing)) share_blocks(request, sharing);
    } catch (const std::bad_alloc&) {
        settle();
        throw;
    }
    settle();
    const auto shared = sharing.shared_bytes == 0
                            ? std::string("no memory is shared with other processes")
                            : format_size(sharing.shared_bytes) +
                                  " of memory are shared with other processes, " +
                                  format_size(sharing.private_bytes) + " are not";
    session_.log().info("'" + draft_.model.path + "': " + shared +
                        (sharing.reason.empty() ? "" : ": " + sharing.reason));
}

void WeightSharing::share_blocks(runtime::Request& request, Sharing& sharing) {
    if (has_compiled_ && mark_->is_anybody_else_calling()) {
        sharing.reason = "another model was compiled at the same time, perhaps by the same threads";
        return;
    }
    find_blocks();
    const bool has_all = replace_by_kept();
    if (!has_all) {
        const auto warm = request.warm_up(warm_up_limit(blob_bytes_));
        if (!warm) {
            session_.log().debug("memory that the first inference unpacks is not shared: " +
                                 warm.error().message());
        }
        find_blocks();
        static_cast<void>(replace_by_kept());
    }
    const auto kept = keep();
    if (!kept) sharing.reason = kept.error().message();
    for (const auto& block : blocks_) {
        (block.shared ? sharing.shared_bytes : sharing.private_bytes) += block.pages.size();
    }
    if (!sharing.reason.empty()) return;
    if (sharing.private_bytes > 0) {
        sharing.reason = "the rest is not stored yet, or too small";
    } else if (sharing.shared_bytes == 0) {
        sharing.reason = "no block of memory that holds its weights has 1 MiB or more";
    }
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

bool WeightSharing::is_all_kept() {
    if (bytes_worth_keeping() > 0) return false;
    const auto found = store_->find(draft_.key);
    return std::ranges::all_of(blocks_, [&](const Block& block) {
        // The process that publishes it is about to list it; if that fails, the next load does.
        if (!block.shared || block.unsettled) return true;
        return found.manifest && std::ranges::any_of(found.manifest->parts, [&](const auto& part) {
                   return part.object == block.shared->object;
               });
    });
}

Result<void> WeightSharing::keep() {
    if (!keeps_ || bytes_worth_keeping() == 0) return {};
    if (auto allowed = may_keep(bytes_worth_keeping()); !allowed) return allowed;
    const auto unpacking = session_.config().keep_limit.value_or(Clock::now() - started_at_);
    share_same_bytes();
    if (is_all_kept()) return {};
    const auto limit = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::max<std::chrono::nanoseconds>(unpacking, k_turn));
    // Other processes that load it now would have to unpack it: one publishes it, and all wait for
    // that.
    const bool waits = session_.config().share == Share::on || is_waited_for();
    while (true) {
        const auto left = waits ? limit - Clock::now() : Clock::duration{0};
        auto compile_lock = store_->compile_lock(
            draft_.key,
            std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds{0}, k_look_again));
        // Blocks can be shared before they are published.
        if (!compile_lock || compile_lock->waited()) share_same_bytes();
        if (is_all_kept()) return {};
        if (compile_lock) return start_keeping(std::move(*compile_lock), waits, limit);
        if (compile_lock.error().code != Errc::timed_out || Clock::now() >= limit) {
            return fail(std::move(compile_lock.error()));
        }
        if (!waits) return fail(Errc::busy, "another process stores it");
    }
}

Result<void> WeightSharing::start_keeping(store::CompileLock compile_lock, bool waits,
                                          Clock::time_point limit) {
    is_damaged_ = false;
    auto blocks = unkept_blocks();
    store::Publication publication;
    publication.manifest = draft_;
    publication.manifest.created_at_ns = session_.system().clock.wall().count();
    publication.kept = kept_parts(blocks);
    const auto job = std::make_shared<KeepJob>(session_.log(), store_, std::move(compile_lock),
                                               std::move(publication), std::move(blocks));
    const Reading reading(*job);
    if (!session_.keeping().start(job))
        return fail(Errc::busy, "no thread could be started to store shared memory");
    if (maps_staged_ || !waits) {
        // Waits for the copying, not for the disk: syncing continues after the load.
        job->wait_until_read(limit);
    } else {
        static_cast<void>(job->wait_until_over(limit));
    }
    share_same_bytes();
    return {};
}

std::vector<KeptBlock> WeightSharing::unkept_blocks() const {
    std::vector<KeptBlock> unkept;
    std::set<Digest> found;
    for (const auto& block : blocks_) {
        if (block.shared || !found.insert(*block.object).second) continue;
        unkept.push_back({part_of(block).name, *block.object, block.pages});
    }
    // All files are open until the last is synced. Takes the largest first; later loads publish the
    // rest.
    if (const auto files = files_at_once(); unkept.size() > files) {
        std::ranges::sort(unkept, std::greater{},
                          [](const KeptBlock& block) { return block.pages.size(); });
        unkept.resize(files);
    }
    return unkept;
}

void WeightSharing::settle() noexcept {
    try {
        std::vector<SettleJob::Mapped> mapped;
        for (auto& block : blocks_) {
            if (block.unsettled) mapped.push_back({block.unsettled, block.pages, *block.object});
        }
        if (mapped.empty()) return;
        const auto job = std::make_shared<SettleJob>(session_.log(), session_.system().fs, store_,
                                                     std::move(mapped));
        if (!session_.keeping().start(job)) job->make_all_private();
    } catch (const std::bad_alloc&) {
        for (const auto& block : blocks_) {
            if (!block.unsettled) continue;
            static_cast<void>(session_.system().fs.make_private(*block.unsettled, block.pages));
        }
    }
}

// The parts that this process has mapped and, within the limit, those of other forms.
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
        return !store_->open_object(draft_.key, part, store::Verify::never);
    });
    return parts;
}

}  // namespace larder::internal::cache
