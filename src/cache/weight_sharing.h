// One copy in memory, for all processes of this machine, of what a blob is unpacked into.
//
// A device unpacks a blob into blocks of its own memory: the same bytes in each process. They are
// kept as an entry beside the blob's, a file for each block, and each process replaces its blocks
// by private mappings of these files. Nothing is assumed of the device but that it does not free
// them meanwhile by other means than its own library's: bytes are compared before they are
// replaced, nobody writes to them meanwhile, and what is written later stays in the process.
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

#include "cache/key.h"
#include "cache/request.h"
#include "cache/session.h"
#include "os/large_blocks.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// For one import, on one thread.
class WeightSharing {
public:
    // Before the blob is imported. Null, with the reason in `sharing`, where nothing can be shared
    // or it is not worth it. Where memory is short it waits until others have shared theirs.
    [[nodiscard]] static std::unique_ptr<WeightSharing> begin(
        Session& session, std::shared_ptr<store::Store> store, const Identified& identified,
        const runtime::Request& request, std::uint64_t blob_bytes, Sharing& sharing);
    WeightSharing(const WeightSharing&) = delete;
    WeightSharing& operator=(const WeightSharing&) = delete;
    ~WeightSharing() = default;

    // How many processes may unpack so much at once, each for itself, with so much memory
    // (0: unknown) and so many cores. Each of them could keep all cores busy, and all they had
    // unpacked would be there several times.
    [[nodiscard]] static std::uint64_t turns(std::uint64_t bytes, std::uint64_t available_bytes,
                                             unsigned cores);

    // To be held for as long as the model is loaded: it tells others that there is somebody to
    // share with. May be null; call once.
    [[nodiscard]] std::shared_ptr<const void> take_presence() { return std::move(presence_); }

    // After the import, before anybody uses the model. Never fails: what cannot be shared stays as
    // it is. True if there may be more to share soon.
    [[nodiscard]] bool share(runtime::Request& request, Sharing& sharing);
    // While the model is in use: shares what others have kept meanwhile, and keeps what others turn
    // out to have as well.
    void share_more();
    // How much is shared by now.
    [[nodiscard]] std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes() const {
        return shared_bytes_;
    }

private:
    struct Block {
        std::span<std::byte> pages;
        std::uint64_t number = 0;  // LargeBlockScope::number_of
        std::string name;          // tells contents apart by their size and a few of their bytes
        std::optional<format::Part> shared{};  // what it is mapped from
        std::optional<Digest> differs_from{};  // an object that looked the same, and is not
    };

    WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                  const Identified& identified, std::uint64_t blob_bytes);

    [[nodiscard]] bool is_wanted(Sharing& sharing);
    [[nodiscard]] bool is_anybody_else_present() const;
    [[nodiscard]] Result<void> may_keep(std::uint64_t bytes);
    void wait_for_turn();
    // Looks what is there now, in blocks_, and tells others.
    void find_blocks();
    // Hears what others have, in confirmed_.
    void listen();
    // Whether all that is kept was found: then nothing is left to be unpacked.
    [[nodiscard]] bool replace_by_kept();
    // Whether a block was found for every part.
    [[nodiscard]] bool replace_by(const format::Manifest& manifest);
    [[nodiscard]] Result<bool> replace(Block& block, const format::Part& part);
    // Whether it may be kept: weights are what another process has as well. What only this one has
    // may be the data of its users.
    [[nodiscard]] bool is_to_be_kept(const Block& block) const;
    [[nodiscard]] std::uint64_t bytes_worth_keeping() const;
    // Keeps what is not shared yet, and shares it. Errc::no_space where there is no room for it.
    [[nodiscard]] Result<void> keep();
    [[nodiscard]] store::Publication publication();
    [[nodiscard]] std::vector<format::Part> kept_parts();

    Session& session_;
    std::shared_ptr<store::Store> store_;
    std::uint64_t blob_bytes_;
    format::Manifest draft_;
    std::shared_ptr<const void> presence_;
    std::string presence_path_;
    std::unique_ptr<os::LargeBlockScope> scope_;
    std::optional<store::Flight> turn_;
    std::vector<Block> blocks_;
    std::set<std::string, std::less<>> confirmed_;  // names of blocks
    std::atomic<bool> is_damaged_ = false;          // what is kept
    std::shared_ptr<std::atomic<std::uint64_t>> shared_bytes_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace larder::internal::cache
