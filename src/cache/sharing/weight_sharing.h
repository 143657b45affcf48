// Shares one copy of the memory that a blob is unpacked into among all processes of this machine.
//
// A device unpacks a blob into blocks of its own memory: the same bytes in each process. They are
// published as an entry beside the blob's, with a file for each block, and each process replaces
// its blocks by private mappings of these files. All of that happens before the model is handed
// out, and only with blocks that were allocated for this very import, or for one inference on
// zeros: nothing writes to them meanwhile, and they hold no data of the program.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cache/identify/key.h"
#include "cache/session/keeping.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "process/large_blocks.h"
#include "process/thread_mark.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// For one import, on one thread.
class WeightSharing {
public:
    // To be called before the blob is imported. Returns null, with the reason in `sharing`, if
    // nothing can be shared or sharing is not worth it. If memory is short, waits until other
    // processes have shared their blocks. `compiled` is the mark of a compile by this request
    // before the import; else null.
    [[nodiscard]] static std::unique_ptr<WeightSharing> begin(
        Session& session, std::shared_ptr<store::Store> store, const Identified& identified,
        const runtime::Request& request, std::uint64_t blob_bytes,
        const process::ThreadMark* compiled, Sharing& sharing);
    WeightSharing(const WeightSharing&) = delete;
    WeightSharing& operator=(const WeightSharing&) = delete;
    ~WeightSharing() = default;

    // Tells other processes that this one is going to load a model that another is compiling: the
    // first to load it then shares it. Hold the result until the model is loaded. May be null.
    [[nodiscard]] static std::shared_ptr<const void> announce(
        Session& session, const std::shared_ptr<store::Store>& store, const Identified& identified,
        const runtime::Request& request);

    // Tells whether other processes of this machine have announced that they use the model, and
    // the memory is not plentiful: with LARDER_SHARE=auto, the time of a load is spent on sharing
    // only where copies of `bytes` for all of them would take a noticeable part of it.
    [[nodiscard]] static bool is_worth_it(const Session& session, store::Store& store,
                                          const Identified& identified, std::uint64_t bytes);

    // Returns how many processes may unpack `bytes` at once, each for itself, with this much
    // available memory (0: unknown) and this many cores. Each of them can keep all cores busy, and
    // together they hold several copies of the unpacked memory.
    [[nodiscard]] static std::uint64_t turns(std::uint64_t bytes, std::uint64_t available_bytes,
                                             unsigned cores);

    // Hold the result for as long as the model is loaded: it tells other processes that there is
    // one to share with. May be null; call once.
    [[nodiscard]] std::shared_ptr<const void> take_presence() { return std::move(presence_); }

    // To be called after the import, before the program uses the model. Never fails: blocks that
    // cannot be shared stay as they are. No block is read any more once it has returned or thrown.
    void share(runtime::Request& request, Sharing& sharing);
    // The bytes that are shared so far.
    [[nodiscard]] std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes() const {
        return shared_bytes_;
    }

private:
    using Clock = std::chrono::steady_clock;

    struct Block {
        std::span<std::byte> pages;
        std::uint64_t number = 0;  // LargeBlockScope::number_of
        std::string sample;        // a digest of its size and some bytes: finds equal parts
        std::optional<format::Part> shared{};   // the part that it is mapped from
        std::optional<Digest> object{};         // of all its bytes, computed when needed
        std::set<Digest> differs_from{};        // objects with the same sample
        std::shared_ptr<os::File> unsettled{};  // the file that it is mapped from, until published
    };

    WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                  const Identified& identified, std::uint64_t blob_bytes);

    // Tells whether there may be something to map, or to publish.
    [[nodiscard]] bool is_wanted(Sharing& sharing);
    // Tells whether other processes are loading the model now, and would rather share than unpack.
    [[nodiscard]] bool is_waited_for() const;
    [[nodiscard]] Result<void> may_keep(std::uint64_t bytes);
    void wait_for_turn();
    void share_blocks(runtime::Request& request, Sharing& sharing);
    // Returns the part of an entry that holds the block. Needs Block::object.
    [[nodiscard]] static format::Part part_of(const Block& block);
    // Fills blocks_ with the present blocks.
    void find_blocks();
    // Maps the published parts. True if there was a block for each: then the model is fully
    // unpacked.
    [[nodiscard]] bool replace_by_kept();
    // The same for the parts of `manifest`.
    [[nodiscard]] bool replace_by(const format::Manifest& manifest);
    // Maps one of `parts` with the same bytes in the block's place; true if there was one.
    [[nodiscard]] bool replace_by_any(Block& block, std::span<const format::Part* const> parts);
    [[nodiscard]] Result<bool> replace(Block& block, const format::Part& part);
    [[nodiscard]] Result<bool> replace_from(Block& block, const format::Part& part, os::File& file);
    // The same with a part that another process is publishing. Needs Block::object.
    [[nodiscard]] bool replace_by_staged(Block& block);
    // Shares each block that is an object, or is being published as one.
    void share_same_bytes();
    [[nodiscard]] std::uint64_t bytes_worth_keeping() const;
    // True if nothing is left to publish, and all shared blocks are listed in this model's entry:
    // they may be objects of another model's.
    [[nodiscard]] bool is_all_kept();
    // Shares the other blocks: with the process that is publishing them now, or by publishing them.
    // Errc::no_space if there is no room.
    [[nodiscard]] Result<void> keep();
    [[nodiscard]] Result<void> start_keeping(store::CompileLock compile_lock, bool waits,
                                             Clock::time_point limit);
    // Returns the blocks to publish. Needs Block::object.
    [[nodiscard]] std::vector<KeptBlock> unkept_blocks() const;
    // Starts the job that watches over blocks mapped before they were published.
    void settle() noexcept;
    [[nodiscard]] std::vector<format::Part> kept_parts(std::span<const KeptBlock> unkept);

    Session& session_;
    std::shared_ptr<store::Store> store_;
    std::uint64_t blob_bytes_;
    format::Manifest draft_;
    std::shared_ptr<const void> presence_;
    std::optional<store::Presence> loading_;  // until the model is handed out
    std::optional<process::ThreadMark> own_mark_;
    const process::ThreadMark* mark_ = nullptr;  // of all work for this import
    bool has_compiled_ = false;                  // under the same mark
    std::unique_ptr<process::LargeBlockScope> scope_;
    std::optional<store::CompileLock> turn_;
    Clock::time_point started_at_;
    bool keeps_ = false;
    bool maps_staged_ = false;  // also maps parts that are not published yet
    std::size_t staged_files_max_ = 0;
    std::atomic<std::size_t> staged_files_ = 0;
    std::vector<Block> blocks_;
    std::atomic<bool> is_damaged_ = false;  // a published part
    std::shared_ptr<std::atomic<std::uint64_t>> shared_bytes_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace larder::internal::cache
