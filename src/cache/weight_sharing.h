// One copy in memory, for all processes of this machine, of what a blob is unpacked into.
//
// A device unpacks a blob into blocks of its own memory: the same bytes in each process. They are
// kept as an entry beside the blob's, a file for each block, and each process replaces its blocks
// by private mappings of these files. All of that happens before the model is handed out, and only
// with blocks that were allocated for this very import, or for one inference on zeros: nobody
// writes to them meanwhile, and there is nothing of the program's in them.
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

#include "cache/keeping.h"
#include "cache/key.h"
#include "cache/request.h"
#include "cache/session.h"
#include "os/large_blocks.h"
#include "os/thread_mark.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// For one import, on one thread.
class WeightSharing {
public:
    // Before the blob is imported. Null, with the reason in `sharing`, where nothing can be shared
    // or it is not worth it. Where memory is short it waits until others have shared theirs.
    // `compiled` is the mark of a compile by this request, before this import; else null.
    [[nodiscard]] static std::unique_ptr<WeightSharing> begin(
        Session& session, std::shared_ptr<store::Store> store, const Identified& identified,
        const runtime::Request& request, std::uint64_t blob_bytes, const os::ThreadMark* compiled,
        Sharing& sharing);
    WeightSharing(const WeightSharing&) = delete;
    WeightSharing& operator=(const WeightSharing&) = delete;
    ~WeightSharing() = default;

    // Lets others know that this process is going to load the model, which another is compiling:
    // whoever loads it first then shares it. To be held until it is loaded. May be null.
    [[nodiscard]] static std::shared_ptr<const void> announce(
        Session& session, const std::shared_ptr<store::Store>& store, const Identified& identified,
        const runtime::Request& request);

    // How many processes may unpack so much at once, each for itself, with so much memory
    // (0: unknown) and so many cores. Each of them could keep all cores busy, and all they had
    // unpacked would be there several times.
    [[nodiscard]] static std::uint64_t turns(std::uint64_t bytes, std::uint64_t available_bytes,
                                             unsigned cores);

    // To be held for as long as the model is loaded: it tells others that there is somebody to
    // share with. May be null; call once.
    [[nodiscard]] std::shared_ptr<const void> take_presence() { return std::move(presence_); }

    // After the import, before anybody uses the model. Never fails: what cannot be shared stays as
    // it is. Once it returns, or throws, no block is looked at any more.
    void share(runtime::Request& request, Sharing& sharing);
    // How much is shared by now.
    [[nodiscard]] std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes() const {
        return shared_bytes_;
    }

private:
    using Clock = std::chrono::steady_clock;

    struct Block {
        std::span<std::byte> pages;
        std::uint64_t number = 0;  // LargeBlockScope::number_of
        std::string sample;        // of its size and a few of its bytes: where to look for the same
        std::optional<format::Part> shared{};   // what it is mapped from
        std::optional<Digest> object{};         // of all its bytes, once that was needed
        std::set<Digest> differs_from{};        // objects with the same sample
        std::shared_ptr<os::File> unsettled{};  // what it is mapped from, if that was not published
    };

    WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                  const Identified& identified, std::uint64_t blob_bytes);

    // Whether there may be something to be mapped, or to be kept.
    [[nodiscard]] bool is_wanted(Sharing& sharing);
    [[nodiscard]] bool is_anybody_else_present() const;
    // Others load the model just now, and would rather share than unpack.
    [[nodiscard]] bool is_waited_for() const;
    [[nodiscard]] Result<void> may_keep(std::uint64_t bytes);
    void wait_for_turn();
    void share_blocks(runtime::Request& request, Sharing& sharing);
    // What a block is in an entry. Needs Block::object.
    [[nodiscard]] static format::Part part_of(const Block& block);
    // Looks what there is now, in blocks_.
    void find_blocks();
    // Whether all that is kept was found: then nothing is left to be unpacked.
    [[nodiscard]] bool replace_by_kept();
    // Whether a block was found for every part.
    [[nodiscard]] bool replace_by(const format::Manifest& manifest);
    // Whether the same bytes are there.
    [[nodiscard]] bool replace_by_any(Block& block, std::span<const format::Part* const> parts);
    [[nodiscard]] Result<bool> replace(Block& block, const format::Part& part);
    [[nodiscard]] Result<bool> replace_from(Block& block, const format::Part& part, os::File& file);
    // By what is being published just now. Needs Block::object.
    [[nodiscard]] bool replace_by_staged(Block& block);
    // Shares each block that is an object, or is being published as one.
    void share_same_bytes();
    [[nodiscard]] std::uint64_t bytes_worth_keeping() const;
    // Nothing is left to be kept, and all that is shared belongs to this model's entry, too: it may
    // be another's.
    [[nodiscard]] bool is_all_kept();
    // Shares what is not shared yet: with who keeps it just now, or else by keeping it.
    // Errc::no_space where there is no room for it.
    [[nodiscard]] Result<void> keep();
    [[nodiscard]] Result<void> start_keeping(store::Flight flight, bool waits,
                                             Clock::time_point limit);
    // What is to be kept. Needs Block::object.
    [[nodiscard]] std::vector<KeptBlock> unkept_blocks() const;
    // Looks after what was mapped before it was published.
    void settle() noexcept;
    [[nodiscard]] std::vector<format::Part> kept_parts(std::span<const KeptBlock> unkept);

    Session& session_;
    std::shared_ptr<store::Store> store_;
    std::uint64_t blob_bytes_;
    format::Manifest draft_;
    std::shared_ptr<const void> presence_;
    std::optional<store::Presence> loading_;  // until the model is handed out
    std::optional<os::ThreadMark> own_mark_;
    const os::ThreadMark* mark_ = nullptr;  // of all that is done for this import
    bool has_compiled_ = false;             // under the same mark
    std::unique_ptr<os::LargeBlockScope> scope_;
    std::optional<store::Flight> turn_;
    Clock::time_point started_at_;
    bool keeps_ = false;
    bool maps_staged_ = false;  // what is being published; else only what is
    std::size_t staged_files_max_ = 0;
    std::atomic<std::size_t> staged_files_ = 0;
    std::vector<Block> blocks_;
    std::atomic<bool> is_damaged_ = false;  // what is kept
    std::shared_ptr<std::atomic<std::uint64_t>> shared_bytes_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace larder::internal::cache
