// Adds an entry so that every reader sees all of it or nothing, also after power loss (Durability).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"
#include "store/disk/staged_file.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context;

// A file that was written to become a part, and is neither durable nor named yet. Its destructor
// removes the file, unless it was published. Must not outlive the Store that wrote it.
class WrittenPart {
public:
    struct Impl;
    explicit WrittenPart(std::unique_ptr<Impl> impl);
    WrittenPart(const WrittenPart&) = delete;
    WrittenPart& operator=(const WrittenPart&) = delete;
    ~WrittenPart();

    [[nodiscard]] std::uint64_t bytes() const;
    // Null once it was taken.
    [[nodiscard]] std::unique_ptr<Impl> take();

private:
    std::unique_ptr<Impl> impl_;
};

struct PartSource {
    std::string name;  // empty in Encoding::raw
    // Writes the whole content. All sources have written before the first is made durable. Called a
    // second time, with a new file, where that failed, or an object that it refers to is gone by
    // then. Its own errors end the publication and are returned.
    std::function<Result<void>(StagedFile&)> write;
    // Checks the written file before it has a name; an error ends the publication.
    std::function<Result<void>(os::File&, const Part&)> check{};
    bool is_optional = false;  // if it cannot be written, the others are published without it
    // The digest of the content, if it is known beforehand: other processes of this machine then
    // find the file while it is being published, see Store::open_staged.
    std::optional<Digest> content{};
    // The result of an earlier Store::write of this source: published in place of a first call.
    std::shared_ptr<WrittenPart> written{};
};

// Replaces an entry by one in another encoding: its blob and the time of its last use stay the
// same.
struct Replacement {
    // Called behind the exclusive gate, just before the names are given; an error ends the
    // publication. Returns the objects that no entry uses afterwards: they are removed at once.
    std::function<Result<std::vector<Digest>>()> confirm;
    // The replaced entry is larger: nothing has to be evicted.
    bool shrinks = false;
};

// Copies a file from outside the larder when it is published. `fs` must outlive it.
[[nodiscard]] PartSource copy_of(os::FileSystem& fs, std::string name, std::string path);

// When a published entry survives a power cut.
enum class Durability {
    // Before it is reported as published.
    at_once,
    // If all its objects are small and the disk is this machine's own: once the kernel has written
    // them, within about half a minute. Until then a power cut may leave a part of them, which
    // readers notice (k_small_object_bytes). Otherwise as at_once.
    soon,
};

struct Publication {
    // `key` and `parts` are filled in by publish.
    Manifest manifest;
    std::vector<PartSource> sources;
    unsigned writers = 1;    // the number of sources that are written, and made durable, at once
    std::vector<Part> kept;  // parts that are objects already
    // Properties that the model shares with others whose blobs may have bytes in common with this
    // one: those find its object by Store::shareable.
    std::vector<Digest> families{};
    std::optional<Replacement> replaces{};
    Durability durability = Durability::at_once;
};

[[nodiscard]] Result<std::shared_ptr<WrittenPart>> write(Context& context,
                                                         const PartSource& source);
[[nodiscard]] Result<Manifest> publish(Context& context, const Publication& publication);

}  // namespace larder::internal::store
