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
#include <string>
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
    // share with. May be null.
    [[nodiscard]] std::shared_ptr<const void> presence() const { return presence_; }

    // After the import, before anybody uses the model. Never fails: what cannot be shared stays as
    // it is. True if there may be more to share soon.
    [[nodiscard]] bool share(runtime::Request& request, Sharing& sharing);
    // While the model is in use: shares what others have kept meanwhile.
    void share_what_is_kept();
    // How much is shared by now.
    [[nodiscard]] std::shared_ptr<const std::atomic<std::uint64_t>> shared_bytes() const {
        return shared_bytes_;
    }

private:
    struct Block {
        std::span<std::byte> pages;
        std::uint64_t number = 0;  // LargeBlockScope::number_of
        std::string name;          // tells contents apart by their size and a few of their bytes
        bool is_shared = false;
    };

    WeightSharing(Session& session, std::shared_ptr<store::Store> store,
                  const Identified& identified, std::uint64_t blob_bytes);

    [[nodiscard]] bool is_wanted(Sharing& sharing);
    [[nodiscard]] Result<void> may_keep(std::uint64_t bytes);
    void wait_for_turn();
    // Looks what is there now, in blocks_.
    void find_blocks();
    // Whether all that is kept was found: then nothing is left to be unpacked.
    [[nodiscard]] bool replace_by_kept();
    // Whether a block was found for every part.
    [[nodiscard]] bool replace_by(const format::Manifest& manifest);
    [[nodiscard]] Result<bool> replace(const Block& block, const format::Part& part);
    [[nodiscard]] std::uint64_t bytes_worth_keeping() const;
    // Keeps what is not shared yet, and shares it. Errc::no_space where there is no room for it.
    [[nodiscard]] Result<void> keep();
    [[nodiscard]] store::Publication publication();
    // What is kept already, and stays so.
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
    std::atomic<bool> is_damaged_ = false;  // what is kept
    std::shared_ptr<std::atomic<std::uint64_t>> shared_bytes_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace larder::internal::cache
