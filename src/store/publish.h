// Adding an entry, so that every reader sees all of it or nothing, also after power loss.
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
#include "store/staged_file.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

struct PartSource {
    std::string name;  // empty in Encoding::raw
    // Writes the whole content. All sources have written before the first is made durable. Called a
    // second time, with a new file, where that failed, or an object that it refers to is gone by
    // then. Its own errors end the publication and are returned.
    std::function<Result<void>(StagedFile&)> write;
    // Looks at what was written, before it has a name; an error ends the publication.
    std::function<Result<void>(os::File&, const Part&)> check{};
    bool is_optional = false;  // if it cannot be written, the others are published without it
    // What is going to be written, where that is known before: others of this machine then find it
    // while it is published, see Store::open_staged.
    std::optional<Digest> content{};
};

// An entry that is kept in another way from now on: its blob, and when it was used last, stay.
struct Replacement {
    // Called behind the exclusive gate, just before the names are given; an error ends the
    // publication. The objects that no entry uses any more then: they go at once.
    std::function<Result<std::vector<Digest>>()> confirm;
    // What it replaces takes more: nothing has to go for it.
    bool shrinks = false;
};

// The content of a file outside the larder, read when it is published. `fs` must outlive it.
[[nodiscard]] PartSource copy_of(os::FileSystem& fs, std::string name, std::string path);

struct Publication {
    // `key` and `parts` are filled in.
    Manifest manifest;
    std::vector<PartSource> sources;
    unsigned writers = 1;    // so many sources are written, and made durable, at once
    std::vector<Part> kept;  // parts that are objects already
    // What the model has in common with others whose blobs may have bytes in common with this one:
    // they find its object by Store::shareable.
    std::vector<Digest> families{};
    std::optional<Replacement> replaces{};
};

[[nodiscard]] Result<Manifest> publish(Context& context, const Publication& publication);

}  // namespace larder::internal::store
